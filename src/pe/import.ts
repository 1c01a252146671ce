import type { Memory } from '../bytes/memory.js';
import { directoryOf, type PeHeader } from './header.js';
import { ImageLayout } from './layout.js';

const DESCRIPTOR_SIZE = 20;
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
}

/**
 * The functions of the import directory, by its order; those whose names table is not in memory are left out.
 * Corresponds to `IMAGE_IMPORT_DESCRIPTOR`, `IMAGE_THUNK_DATA`.
 */
export function* imports(memory: Memory<bigint>, base: bigint, header: PeHeader): Generator<PeImport> {
  const directory = directoryOf(header, 'IMPORT');
  if (directory === undefined) return;
  const image = new ImageLayout(memory, base, header.sizeOfImage);
  const width = header.is64 ? 8 : 4;
  const ordinalFlag = header.is64 ? 1n << 63n : 1n << 31n;
  const thunk = (rva: number): bigint | undefined => {
    if (header.is64) return image.u64(rva);
    const value = image.u32(rva);
    return value === undefined ? undefined : BigInt(value);
  };
  let total = 0;
  for (let i = 0; i < MAX_MODULES; i += 1) {
    const descriptor = image.bytes(directory.rva + i * DESCRIPTOR_SIZE, DESCRIPTOR_SIZE);
    if (descriptor === undefined) return;
    const [names, nameRva, slots] = [descriptor.readUInt32LE(0), descriptor.readUInt32LE(12), descriptor.readUInt32LE(16)];
    if (nameRva === 0 || slots === 0) return;
    const module = image.text(nameRva, 260);
    if (module === undefined || names === 0) continue;
    for (let j = 0; j < MAX_FUNCTIONS && total < MAX_IMPORTS; j += 1) {
      const value = thunk(names + j * width);
      if (value === undefined || value === 0n) break;
      total += 1;
      const byOrdinal = (value & ordinalFlag) !== 0n;
      const entry = Number(value & 0x7fff_ffffn);
      const slot = slots + j * width;
      yield {
        module, slot,
        target: thunk(slot),
        name: byOrdinal ? undefined : image.text(entry + 2),
        ordinal: byOrdinal ? Number(value & 0xffffn) : undefined,
        hint: byOrdinal ? undefined : image.u16(entry),
      };
    }
  }
}
