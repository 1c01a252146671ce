import type { Memory } from '../bytes/memory.js';
import { directoryOf, type PeHeader } from './header.js';
import { ImageLayout } from './layout.js';

const RT_VERSION = 16;
const MAX_ENTRIES = 4096;
const MAX_SIZE = 0x10000;
const MAX_DEPTH = 4;
const FIXED_SIGNATURE = 0xfeef04bd;

/** What the version resource says. Corresponds to `VS_VERSIONINFO`. */
export interface PeVersion {
  /** `10.0.19041.1` of `VS_FIXEDFILEINFO`; undefined when it has none. */
  readonly fixed: string | undefined;
  /** `CompanyName`, `FileDescription`… of the first string table. */
  readonly strings: ReadonlyMap<string, string>;
}

/** The version resource of an image in memory; undefined when it has none or its bytes are absent. */
export function versionInfo(memory: Memory<bigint>, base: bigint, header: PeHeader): PeVersion | undefined {
  const directory = directoryOf(header, 'RESOURCE');
  if (directory === undefined) return undefined;
  const image = new ImageLayout(memory, base, header.sizeOfImage);
  const data = versionData(image, directory.rva);
  const bytes = data === undefined ? undefined : image.bytes(data.rva, Math.min(data.size, MAX_SIZE));
  return bytes === undefined ? undefined : parseVersion(bytes);
}

/** The data of the first version resource: type RT_VERSION, any name, any language. */
function versionData(image: ImageLayout, root: number): { rva: number; size: number } | undefined {
  const type = entryAt(image, root, root, (id) => id === RT_VERSION);
  const name = type?.directory === true ? entryAt(image, root, type.at, () => true) : type;
  const language = name?.directory === true ? entryAt(image, root, name.at, () => true) : name;
  if (language === undefined || language.directory) return undefined;
  const entry = image.bytes(language.at, 16);
  return entry === undefined ? undefined : { rva: entry.readUInt32LE(0), size: entry.readUInt32LE(4) };
}

/** The first entry of a resource directory that is wanted. Corresponds to `IMAGE_RESOURCE_DIRECTORY_ENTRY`. */
function entryAt(
  image: ImageLayout, root: number, at: number, wanted: (id: number) => boolean,
): { at: number; directory: boolean } | undefined {
  const counts = image.bytes(at + 12, 4);
  if (counts === undefined) return undefined;
  const count = Math.min(counts.readUInt16LE(0) + counts.readUInt16LE(2), MAX_ENTRIES);
  for (let i = 0; i < count; i += 1) {
    const entry = image.bytes(at + 16 + i * 8, 8);
    if (entry === undefined) return undefined;
    const offset = entry.readUInt32LE(4);
    if (wanted(entry.readUInt32LE(0))) return { at: root + (offset & 0x7fff_ffff), directory: offset >= 0x8000_0000 };
  }
  return undefined;
}

/** A block of the resource: all its parts have this shape. */
interface Block {
  readonly key: string;
  readonly value: Buffer;
  readonly text: boolean;
  readonly children: Buffer;
  /** Where the next block begins. */
  readonly next: number;
}

const align = (at: number): number => (at + 3) & ~3;

function block(bytes: Buffer, at: number): Block | undefined {
  if (at + 6 > bytes.length) return undefined;
  const length = bytes.readUInt16LE(at);
  if (length < 6 || at + length > bytes.length) return undefined;
  const end = at + length;
  const text = bytes.readUInt16LE(at + 4) === 1;
  let key = at + 6;
  while (key + 2 <= end && bytes.readUInt16LE(key) !== 0) key += 2;
  const value = Math.min(align(key + 2 - at) + at, end);
  const valueEnd = Math.min(value + bytes.readUInt16LE(at + 2) * (text ? 2 : 1), end);
  return {
    key: bytes.toString('utf16le', at + 6, key),
    value: bytes.subarray(value, valueEnd),
    text,
    children: bytes.subarray(Math.min(align(valueEnd - at) + at, end), end),
    next: align(length) + at,
  };
}

/** Parses the bytes of a version resource; undefined when they are none. */
export function parseVersion(bytes: Buffer): PeVersion | undefined {
  const root = block(bytes, 0);
  if (root === undefined || root.key !== 'VS_VERSION_INFO') return undefined;
  const strings = new Map<string, string>();
  collect(root.children, 0, strings);
  return { fixed: fixedVersion(root.value), strings };
}

function fixedVersion(value: Buffer): string | undefined {
  if (value.length < 16 || value.readUInt32LE(0) !== FIXED_SIGNATURE) return undefined;
  return [value.readUInt16LE(10), value.readUInt16LE(8), value.readUInt16LE(14), value.readUInt16LE(12)].join('.');
}

/** Depth 0: StringFileInfo and VarFileInfo; 1: string tables by language; 2: strings. */
function collect(bytes: Buffer, depth: number, strings: Map<string, string>): void {
  if (depth >= MAX_DEPTH) return;
  for (let at = 0; at < bytes.length;) {
    const part = block(bytes, at);
    if (part === undefined) return;
    if (depth === 2) {
      const value = part.value.toString('utf16le');
      const end = value.indexOf('\0');
      if (part.text && !strings.has(part.key)) strings.set(part.key, end < 0 ? value : value.slice(0, end));
    } else if (depth === 1 || part.key === 'StringFileInfo') {
      collect(part.children, depth + 1, strings);
    }
    at = part.next;
  }
}
