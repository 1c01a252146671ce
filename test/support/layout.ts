import type { Field, Profile } from '../../src/profile/profile.js';
import type { Space } from './tables.js';

/** A structure in memory, written field by field where the profile says that they lie. */
export class View {
  constructor(readonly profile: Profile, readonly struct: string, readonly space: Space, readonly address: bigint) {}

  /** Address of a member. */
  at(path: string): bigint {
    return this.address + BigInt(this.profile.need(this.struct, path).offset);
  }

  has(path: string): boolean {
    return this.profile.field(this.struct, path) !== undefined;
  }

  /** Writes an integer, a bit field or the first element of an array; bytes are written as they are. */
  set(path: string, value: bigint | number | Uint8Array): this {
    const { size, bits } = this.#element(path);
    if (value instanceof Uint8Array) {
      this.space.write(this.at(path), value);
      return this;
    }
    let whole = BigInt(value);
    if (bits !== undefined) {
      const mask = ((1n << BigInt(bits[1])) - 1n) << BigInt(bits[0]);
      whole = (this.#integer(path, size) & ~mask) | ((whole << BigInt(bits[0])) & mask);
    }
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt.asUintN(64, whole));
    if (![1, 2, 4, 8].includes(size)) throw new Error(`${this.struct}.${path} has ${size} bytes and is no integer`);
    this.space.write(this.at(path), bytes.subarray(0, size));
    return this;
  }

  /** As `set`, where the build has the member. */
  setIfAny(path: string, value: bigint | number | Uint8Array): this {
    return this.has(path) ? this.set(path, value) : this;
  }

  get(path: string): bigint {
    const { size, bits } = this.#element(path);
    const whole = this.#integer(path, size);
    return bits === undefined ? whole : (whole >> BigInt(bits[0])) & ((1n << BigInt(bits[1])) - 1n);
  }

  /** Makes a list head or an entry that is alone: it names itself. */
  listInit(path: string): this {
    const at = this.at(path);
    this.space.setPointer(at, at);
    this.space.setPointer(at + BigInt(this.space.pointerSize), at);
    return this;
  }

  listInitIfAny(path: string): this {
    return this.has(path) ? this.listInit(path) : this;
  }

  /** Writes a `_UNICODE_STRING` whose characters lie at `buffer`. */
  setText(path: string, text: string, buffer: bigint): this {
    writeText(this.space, this.at(path), text, buffer);
    return this;
  }

  /** Of an array the first element: until Vista `DirectoryTableBase` is one. */
  #element(path: string): Field {
    const field = this.profile.need(this.struct, path);
    return field.count === undefined ? field : { ...field, size: field.size / field.count };
  }

  #integer(path: string, size: number): bigint {
    const bytes = Buffer.alloc(8);
    this.space.read(this.at(path), size).copy(bytes);
    return bytes.readBigUInt64LE(0);
  }
}

/** A `_UNICODE_STRING` at `at`, its characters and their NUL at `buffer`. */
export function writeText(space: Space, at: bigint, text: string, buffer: bigint): void {
  const characters = Buffer.from(`${text}\0`, 'utf16le');
  const lengths = Buffer.alloc(4);
  lengths.writeUInt16LE(characters.length - 2, 0);
  lengths.writeUInt16LE(characters.length, 2);
  space.write(at, lengths);
  space.setPointer(at + BigInt(space.pointerSize), buffer);
  space.write(buffer, characters);
}

/** Enters `entry` before the head of a list: as its last. */
export function listInsert(space: Space, head: bigint, entry: bigint): void {
  const blink = BigInt(space.pointerSize);
  const last = space.pointer(head + blink);
  space.setPointer(entry, head);
  space.setPointer(entry + blink, last);
  space.setPointer(last, entry);
  space.setPointer(head + blink, entry);
}

/** Takes `entry` out of its list; its own links stay, as they do when a rootkit unlinks a process. */
export function listRemove(space: Space, entry: bigint): void {
  const blink = BigInt(space.pointerSize);
  const next = space.pointer(entry);
  const last = space.pointer(entry + blink);
  space.setPointer(last, next);
  space.setPointer(next + blink, last);
}
