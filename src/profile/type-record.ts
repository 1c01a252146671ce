import { FormatError } from '../bytes/errors.js';

/** Compilers cut names at 4,096 characters. */
const MOST_NAME = 4 * 4096;

/** A name that ends with NUL, before `end`. @throws FormatError when it does not end, or is too long */
export function terminatedName(bytes: Buffer, at: number, end: number): { readonly text: string; readonly end: number } {
  const length = bytes.subarray(at, Math.min(end, at + MOST_NAME)).indexOf(0);
  if (length < 0) throw new FormatError('a name that does not end', at);
  return { text: bytes.toString('utf8', at, at + length), end: at + length + 1 };
}

/** Reads numbers and names of one record, never beyond its end. */
export class Cursor {
  constructor(readonly bytes: Buffer, public at: number, readonly end: number) {}

  get left(): number {
    return this.end - this.at;
  }

  skip(length: number): number {
    const at = this.at;
    if (at + length > this.end) throw new FormatError('a type record ends too early', at);
    this.at += length;
    return at;
  }

  u16(): number {
    return this.bytes.readUInt16LE(this.skip(2));
  }

  u32(): number {
    return this.bytes.readUInt32LE(this.skip(4));
  }

  /** A numeric leaf: small numbers are themselves, others follow a kind. */
  numeric(): number {
    const leaf = this.u16();
    if (leaf < 0x8000) return leaf;
    switch (leaf) {
      case 0x8000: return this.bytes.readInt8(this.skip(1));
      case 0x8001: return this.bytes.readInt16LE(this.skip(2));
      case 0x8002: return this.u16();
      case 0x8003: return this.bytes.readInt32LE(this.skip(4));
      case 0x8004: return this.u32();
      case 0x8009: return Number(this.bytes.readBigInt64LE(this.skip(8)));
      case 0x800a: return Number(this.bytes.readBigUInt64LE(this.skip(8)));
      default: throw new FormatError(`a number of unknown kind 0x${leaf.toString(16)}`, this.at);
    }
  }

  name(counted: boolean): string {
    if (counted) {
      const length = this.bytes.readUInt8(this.skip(1));
      const at = this.skip(length);
      return this.bytes.toString('utf8', at, at + length);
    }
    const { text, end } = terminatedName(this.bytes, this.at, this.end);
    this.at = end;
    return text;
  }
}

/** Passes over what is no data member: base classes, methods, static members, nested types, enumerators. */
export function skipField(leaf: number, cursor: Cursor): void {
  switch (leaf) {
    case 0x1400: case 0x151a:
      cursor.skip(6);
      cursor.numeric();
      return;
    case 0x1401: case 0x1402:
      cursor.skip(10);
      cursor.numeric();
      cursor.numeric();
      return;
    case 0x1409: case 0x150a: cursor.skip(6); return;
    case 0x140c: cursor.skip(10); return;
    case 0x1502: case 0x0403:
      cursor.skip(2);
      cursor.numeric();
      cursor.name(leaf === 0x0403);
      return;
    case 0x150e: case 0x150f: case 0x1510: case 0x1512: case 0x150c: case 0x1513:
      cursor.skip(6);
      cursor.name(false);
      return;
    case 0x1406: case 0x1407: case 0x1408:
      cursor.skip(6);
      cursor.name(true);
      return;
    case 0x1511: case 0x140b: {
      const introduces = [4, 6].includes((cursor.u16() >> 2) & 7);
      cursor.skip(introduces ? 8 : 4);
      cursor.name(leaf === 0x140b);
      return;
    }
    default: throw new FormatError(`a field of unknown kind 0x${leaf.toString(16)}`, cursor.at);
  }
}
