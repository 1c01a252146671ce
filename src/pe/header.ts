import { guidDigits } from '../bytes/guid.js';
import type { Memory } from '../bytes/memory.js';
import { ascii } from '../bytes/utf16.js';
import { ImageLayout } from './layout.js';

/** IMAGE_FILE_MACHINE_* of the architectures that Windows memory images come from. */
export const MACHINE = { i386: 0x14c, arm: 0x1c4, amd64: 0x8664, arm64: 0xaa64 } as const;

/** The data directories by index (PE format, "Optional Header Data Directories"). */
export const DIRECTORIES = [
  'EXPORT', 'IMPORT', 'RESOURCE', 'EXCEPTION', 'SECURITY', 'BASERELOC', 'DEBUG', 'ARCHITECTURE',
  'GLOBALPTR', 'TLS', 'LOAD_CONFIG', 'BOUND_IMPORT', 'IAT', 'DELAY_IMPORT', 'COM_DESCRIPTOR', 'RESERVED',
] as const;
export type DirectoryName = (typeof DIRECTORIES)[number];

const PAGE = 0x1000;
const MAX_NT_OFFSET = 0x10000;
/** The loader's own limit. */
const MAX_SECTIONS = 96;
/** Larger images do not exist; SizeOfImage is a 32-bit count. */
const MAX_IMAGE = 0x7fff_ffff;
const SECTION_SIZE = 40;
const MAX_EXPORTS = 0x10000;
const MAX_DEBUG_ENTRIES = 32;
const CODEVIEW = 2;
const RSDS = 0x53445352;

/** Corresponds to `IMAGE_DATA_DIRECTORY`; zero, zero when the image has none. */
export interface PeDirectory {
  readonly name: DirectoryName;
  readonly rva: number;
  /** Bytes. */
  readonly size: number;
}

/** Corresponds to `IMAGE_SECTION_HEADER`. Sizes in bytes. */
export interface PeSection {
  readonly name: string;
  readonly rva: number;
  readonly virtualSize: number;
  readonly rawSize: number;
  readonly rawOffset: number;
  /** IMAGE_SCN_*. */
  readonly characteristics: number;
}

/** Corresponds to `IMAGE_NT_HEADERS32`/`64`. Sizes in bytes, addresses relative to the image's base. */
export interface PeHeader {
  /** IMAGE_FILE_MACHINE_*, see MACHINE. */
  readonly machine: number;
  /** TimeDateStamp as stored: seconds since 1970, or a hash in reproducible builds. */
  readonly timestamp: number;
  /** IMAGE_FILE_*. */
  readonly characteristics: number;
  /** PE32+. */
  readonly is64: boolean;
  /** AddressOfEntryPoint; 0 when it has none. */
  readonly entry: number;
  readonly imageBase: bigint;
  readonly sizeOfImage: number;
  readonly sizeOfHeaders: number;
  readonly sectionAlignment: number;
  /** Where the section table ends, as an offset from the base. */
  readonly headersEnd: number;
  readonly checksum: number;
  readonly subsystem: number;
  readonly dllCharacteristics: number;
  /** Always 16, in the order of DIRECTORIES. */
  readonly directories: readonly PeDirectory[];
  readonly sections: readonly PeSection[];
}

/** Whether IMAGE_FILE_DLL is set. */
export function isDll(header: PeHeader): boolean {
  return (header.characteristics & 0x2000) !== 0;
}

export function directoryOf(header: PeHeader, name: DirectoryName): PeDirectory | undefined {
  const found = header.directories[DIRECTORIES.indexOf(name)];
  return found === undefined || found.rva === 0 || found.size === 0 ? undefined : found;
}

/**
 * The headers of a PE image (PE32 or PE32+) that lies in memory at `base`. Undefined when the bytes are not in the image or are no
 * PE header: the question "is there one?" is asked of any address. Sections past the header page that are absent are left out.
 */
export function peHeader(memory: Memory<bigint>, base: bigint): PeHeader | undefined {
  const page = memory.read(base, PAGE);
  if (page === undefined || page.readUInt16LE(0) !== 0x5a4d) return undefined;
  const nt = page.readUInt32LE(0x3c);
  if (nt < 4 || nt % 4 !== 0 || nt > MAX_NT_OFFSET) return undefined;
  // 0x108: signature, file header and the larger optional header.
  const bytes = nt + 0x108 <= PAGE ? page.subarray(nt) : memory.read(base + BigInt(nt), 0x108);
  if (bytes === undefined || bytes.readUInt32LE(0) !== 0x4550) return undefined;
  const magic = bytes.readUInt16LE(0x18);
  if (magic !== 0x10b && magic !== 0x20b) return undefined;
  const is64 = magic === 0x20b;
  const sizeOfImage = bytes.readUInt32LE(0x50);
  const sizeOfOptional = bytes.readUInt16LE(0x14);
  const smallest = is64 ? 0x70 : 0x60;
  if (sizeOfImage === 0 || sizeOfImage > MAX_IMAGE || sizeOfOptional < smallest || sizeOfOptional > 0x400) return undefined;
  const declared = Math.min(bytes.readUInt32LE(is64 ? 0x84 : 0x74), (sizeOfOptional - smallest) >> 3);
  const table = 0x18 + smallest;
  const sectionTable = nt + 0x18 + sizeOfOptional;
  const sectionRows = [...sections(memory, base, page, sectionTable, bytes.readUInt16LE(6))];
  const directories = DIRECTORIES.map((name, i): PeDirectory => ({
    name,
    rva: i < declared ? bytes.readUInt32LE(table + i * 8) : 0,
    size: i < declared ? bytes.readUInt32LE(table + i * 8 + 4) : 0,
  }));
  return {
    machine: bytes.readUInt16LE(4),
    timestamp: bytes.readUInt32LE(8),
    characteristics: bytes.readUInt16LE(0x16),
    is64,
    entry: bytes.readUInt32LE(0x28),
    imageBase: is64 ? bytes.readBigUInt64LE(0x30) : BigInt(bytes.readUInt32LE(0x34)),
    sizeOfImage,
    sizeOfHeaders: bytes.readUInt32LE(0x54),
    sectionAlignment: bytes.readUInt32LE(0x38),
    headersEnd: sectionTable + sectionRows.length * SECTION_SIZE,
    checksum: bytes.readUInt32LE(0x58),
    subsystem: bytes.readUInt16LE(0x5c),
    dllCharacteristics: bytes.readUInt16LE(0x5e),
    directories,
    sections: sectionRows,
  };
}

function* sections(memory: Memory<bigint>, base: bigint, page: Buffer, start: number, count: number): Generator<PeSection> {
  for (let i = 0; i < Math.min(count, MAX_SECTIONS); i += 1) {
    const at = start + i * SECTION_SIZE;
    const row = at + SECTION_SIZE <= page.length ? page.subarray(at, at + SECTION_SIZE) : memory.read(base + BigInt(at), SECTION_SIZE);
    if (row === undefined) return;
    yield {
      name: ascii(row.subarray(0, 8)),
      virtualSize: row.readUInt32LE(8),
      rva: row.readUInt32LE(12),
      rawSize: row.readUInt32LE(16),
      rawOffset: row.readUInt32LE(20),
      characteristics: row.readUInt32LE(36),
    };
  }
}

/** An exported function. */
export interface PeExport {
  readonly ordinal: number;
  /** Relative virtual address; of a forwarded one, of its forwarder's text. */
  readonly rva: number;
  /** Undefined when exported by ordinal alone. */
  readonly name: string | undefined;
  /** `NTDLL.RtlAllocateHeap`; undefined when not forwarded. */
  readonly forwarder: string | undefined;
}

/** Corresponds to `IMAGE_EXPORT_DIRECTORY`. */
export interface PeExports {
  /** The name the image was built with: `ntoskrnl.exe`. Undefined when its bytes are absent. */
  readonly name: string | undefined;
  /** NumberOfFunctions, NumberOfNames, as stored; `entries` yields no more than 65536. */
  readonly functions: number;
  readonly names: number;
  /** Relative virtual address of an export by name; undefined when it has none, or it is forwarded or absent. */
  find(name: string): number | undefined;
  /** All exports whose address is in the image, by table order. */
  entries(): Iterable<PeExport>;
}

/** The export directory; undefined when the image has none or it is not in memory. */
export function exportDirectory(memory: Memory<bigint>, base: bigint, header: PeHeader): PeExports | undefined {
  const directory = directoryOf(header, 'EXPORT');
  if (directory === undefined) return undefined;
  const image = new ImageLayout(memory, base, header.sizeOfImage);
  const bytes = image.bytes(directory.rva, 40);
  if (bytes === undefined) return undefined;
  const first = bytes.readUInt32LE(0x10);
  const functions = bytes.readUInt32LE(0x14);
  const names = bytes.readUInt32LE(0x18);
  const [functionTable, nameTable, ordinalTable] = [bytes.readUInt32LE(0x1c), bytes.readUInt32LE(0x20), bytes.readUInt32LE(0x24)];
  const isForwarder = (rva: number): boolean => rva >= directory.rva && rva < directory.rva + directory.size;
  const functionAt = (index: number): number | undefined =>
    (index < functions ? image.u32(functionTable + index * 4) : undefined) || undefined;
  /** [index into the function table, name] by the name table's order. */
  function* named(): Generator<readonly [index: number, name: string]> {
    for (let i = 0; i < Math.min(names, MAX_EXPORTS); i += 1) {
      const rva = image.u32(nameTable + i * 4);
      const index = image.u16(ordinalTable + i * 2);
      const name = rva === undefined ? undefined : image.text(rva);
      if (index !== undefined && name !== undefined) yield [index, name];
    }
  }
  let indices: Map<string, number> | undefined;
  return {
    name: image.text(bytes.readUInt32LE(0xc)),
    functions,
    names,
    find(wanted) {
      indices ??= new Map([...named()].reverse().map(([index, name]) => [name, index]));
      const rva = functionAt(indices.get(wanted) ?? functions);
      return rva === undefined || isForwarder(rva) ? undefined : rva;
    },
    *entries() {
      const byIndex = new Map<number, string[]>();
      for (const [index, name] of named()) {
        const others = byIndex.get(index);
        if (others === undefined) byIndex.set(index, [name]);
        else others.push(name);
      }
      for (let index = 0; index < Math.min(functions, MAX_EXPORTS); index += 1) {
        const rva = functionAt(index);
        if (rva === undefined) continue;
        const forwarder = isForwarder(rva) ? image.text(rva) : undefined;
        for (const name of byIndex.get(index) ?? [undefined]) yield { ordinal: first + index, rva, name, forwarder };
      }
    },
  };
}

/** The record that names an image's symbol file. */
export interface CodeView {
  /** 32 upper-case hex digits. */
  readonly guid: string;
  readonly age: number;
  /** The symbol file as the linker named it: `ntkrnlmp.pdb`. */
  readonly path: string;
}

/** A CodeView record `RSDS` (PDB 7.0) in bytes that begin with it; undefined when they do not. */
export function codeViewRecord(bytes: Buffer): CodeView | undefined {
  if (bytes.length < 25 || bytes.readUInt32LE(0) !== RSDS) return undefined;
  const end = bytes.indexOf(0, 24);
  if (end < 0) return undefined;
  return { guid: guidDigits(bytes, 4), age: bytes.readUInt32LE(20), path: bytes.subarray(24, end).toString('utf8') };
}

/** The CodeView record of the debug directory; undefined when the image has none or it is not in memory. */
export function codeView(memory: Memory<bigint>, base: bigint, header: PeHeader): CodeView | undefined {
  const directory = directoryOf(header, 'DEBUG');
  if (directory === undefined) return undefined;
  const image = new ImageLayout(memory, base, header.sizeOfImage);
  for (let i = 0; i < Math.min(Math.floor(directory.size / 28), MAX_DEBUG_ENTRIES); i += 1) {
    const entry = image.bytes(directory.rva + i * 28, 28);
    if (entry === undefined || entry.readUInt32LE(12) !== CODEVIEW) continue;
    const size = Math.min(entry.readUInt32LE(16), 0x400);
    const bytes = image.bytes(entry.readUInt32LE(20), size);
    const record = bytes === undefined ? undefined : codeViewRecord(bytes);
    if (record !== undefined) return record;
  }
  return undefined;
}
