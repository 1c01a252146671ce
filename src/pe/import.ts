import type { Memory } from '../bytes/memory.js';
import { directoryOf, type PeHeader } from './header.js';
import { ImageLayout } from './layout.js';

const DESCRIPTOR_SIZE = 20;
const DELAY_DESCRIPTOR_SIZE = 32;
const MAX_MODULES = 1024;
const MAX_FUNCTIONS = 0x4000;
const MAX_IMPORTS = 0x10000;

/** An imported function. */
export interface PeImport {
  /** The module imported from, as the image names it: `KERNEL32.dll`. */
  readonly module: string;
  /** Undefined when imported by ordinal, or when the name is not in memory. */
  readonly name: string | undefined;
  /** Undefined when imported by name. */
  readonly ordinal: number | undefined;
  readonly hint: number | undefined;
  /** Relative virtual address of its slot in the import address table. */
  readonly slot: number;
  /** What the slot holds: the function's address once the loader has bound it. Undefined when absent. */
  readonly target: bigint | undefined;
  /** Bound when it is first called (delay-load directory). */
  readonly delayed: boolean;
}

/** Where one module's names and slots are. */
interface Descriptor {
  readonly module: string | undefined;
  /** The import lookup table; 0 when the linker left it out. */
  readonly names: number;
  readonly slots: number;
}

/**
 * The functions of the import directory, by its order; those whose names table is not in memory are left out.
 * Corresponds to `IMAGE_IMPORT_DESCRIPTOR`, `IMAGE_THUNK_DATA`.
 * @returns whether these are all: nothing was absent or cut
 */
export function* imports(memory: Memory<bigint>, base: bigint, header: PeHeader): Generator<PeImport, boolean> {
  const directory = directoryOf(header, 'IMPORT');
  if (directory === undefined) return true;
  const image = new ImageLayout(memory, base, header.sizeOfImage);
  return yield* functions(image, header, false, (i) => {
    const row = image.bytes(directory.rva + i * DESCRIPTOR_SIZE, DESCRIPTOR_SIZE);
    if (row === undefined) return undefined;
    const [names, name, slots] = [row.readUInt32LE(0), row.readUInt32LE(12), row.readUInt32LE(16)];
    return name === 0 || slots === 0 ? 'end' : { module: image.text(name, 260), names, slots };
  });
}

/**
 * The functions of the delay-load directory, as `imports`. Corresponds to `IMAGE_DELAYLOAD_DESCRIPTOR`; what old linkers wrote has
 * addresses in place of offsets (its first attribute bit is not set).
 */
export function* delayImports(memory: Memory<bigint>, base: bigint, header: PeHeader): Generator<PeImport, boolean> {
  const directory = directoryOf(header, 'DELAY_IMPORT');
  if (directory === undefined) return true;
  const image = new ImageLayout(memory, base, header.sizeOfImage);
  return yield* functions(image, header, true, (i) => {
    const row = image.bytes(directory.rva + i * DELAY_DESCRIPTOR_SIZE, DELAY_DESCRIPTOR_SIZE);
    if (row === undefined) return undefined;
    const shift = (row.readUInt32LE(0) & 1) === 0 ? Number(base & 0xffff_ffffn) : 0;
    const [name, slots, names] = [4, 12, 16].map((at) => Math.max(0, row.readUInt32LE(at) - shift)) as [number, number, number];
    return name === 0 || slots === 0 ? 'end' : { module: image.text(name, 260), names, slots };
  });
}

function* functions(
  image: ImageLayout, { is64 }: PeHeader, delayed: boolean, descriptorAt: (index: number) => Descriptor | 'end' | undefined,
): Generator<PeImport, boolean> {
  const width = is64 ? 8 : 4;
  const ordinalFlag = is64 ? 1n << 63n : 1n << 31n;
  const thunk = (rva: number): bigint | undefined => {
    if (is64) return image.u64(rva);
    const value = image.u32(rva);
    return value === undefined ? undefined : BigInt(value);
  };
  let complete = true;
  let total = 0;
  for (let i = 0; i < MAX_MODULES; i += 1) {
    const descriptor = descriptorAt(i);
    if (descriptor === undefined) return false;
    if (descriptor === 'end') return complete;
    const { module, names, slots } = descriptor;
    if (module === undefined || names === 0) {
      complete = false;
      continue;
    }
    for (let j = 0; ; j += 1) {
      const value = thunk(names + j * width);
      if (value === 0n) break;
      if (value === undefined || j >= MAX_FUNCTIONS || total >= MAX_IMPORTS) {
        complete = false;
        break;
      }
      total += 1;
      const byOrdinal = (value & ordinalFlag) !== 0n;
      const entry = Number(value & 0x7fff_ffffn);
      const slot = slots + j * width;
      yield {
        module, slot, delayed,
        target: thunk(slot),
        name: byOrdinal ? undefined : image.text(entry + 2),
        ordinal: byOrdinal ? Number(value & 0xffffn) : undefined,
        hint: byOrdinal ? undefined : image.u16(entry),
      };
    }
  }
  return false;
}
