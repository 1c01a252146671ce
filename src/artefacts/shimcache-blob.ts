import { utf16 } from '../bytes/utf16.js';
import { filetimeAt } from './key-values.js';

/** A program in the application compatibility cache. */
export interface ShimEntry {
  readonly path: string;
  /** Last modification of the program's file. */
  readonly modified: bigint | undefined;
  /** When the entry was written (Windows XP). */
  readonly updated: bigint | undefined;
  readonly size: bigint | undefined;
  /** It was executed, as far as the format tells. */
  readonly executed: boolean | undefined;
}

export interface Shimcache {
  readonly format: string;
  readonly entries: readonly ShimEntry[];
  /** What is wrong with the cache. */
  readonly damage: string | undefined;
}

/** No cache holds more programs than 1024; a blob that says otherwise is bounded by its length too. */
const MOST = 8192;
const XP = 0xdeadbeef;
const NT52 = 0xbadc0ffe;
const NT61 = 0xbadc0fee;
const EXECUTED = 2;
const XP_HEADER = 400;
const XP_ENTRY = 552;
const XP_PATH = 528;
const NT52_HEADER = 8;
const NT6_HEADER = 128;

/** `\??\C:\x` is `C:\x`. */
function plainPath(path: string): string {
  return path.replace(/^\\\?\?\\/, '');
}

function pathAt(blob: Buffer, offset: number, length: number): string | undefined {
  return offset < 0 || offset + length > blob.length ? undefined : plainPath(utf16(blob.subarray(offset, offset + length)));
}

/** The cache of AppCompatCache, in any format from Windows XP to 11; undefined when it is none of them. */
export function shimcache(blob: Buffer): Shimcache | undefined {
  if (blob.length < 8) return undefined;
  const signature = blob.readUInt32LE(0);
  switch (signature) {
    case XP: return xp(blob);
    case NT52: return nt52(blob);
    case NT61: return nt61(blob);
    // Windows 8 may leave the header's length out.
    default: return tagged(blob, signature === 0x30 || signature === 0x34 ? signature : NT6_HEADER);
  }
}

function xp(blob: Buffer): Shimcache {
  const said = blob.length < 12 ? 0 : blob.readUInt32LE(8);
  const room = Math.max(0, Math.floor((blob.length - XP_HEADER) / XP_ENTRY));
  const entries: ShimEntry[] = [];
  for (let i = 0; i < Math.min(said, room, MOST); i += 1) {
    const at = XP_HEADER + i * XP_ENTRY;
    const path = utf16(blob.subarray(at, at + XP_PATH)).split('\0', 1)[0] ?? '';
    entries.push({
      path: plainPath(path), modified: filetimeAt(blob, at + XP_PATH), size: blob.readBigUInt64LE(at + XP_PATH + 8),
      updated: filetimeAt(blob, at + XP_PATH + 16), executed: undefined,
    });
  }
  return { format: 'Windows XP 32-bit', entries, damage: cut(said, entries.length) };
}

function cut(said: number, found: number): string | undefined {
  return said > found ? `the cache counts ${said} entries, ${found} could be read` : undefined;
}

interface Indexed {
  readonly entry: number;
  readonly path: string;
  readonly modified: bigint | undefined;
  /** Offset of what follows the time. */
  readonly rest: number;
}

/** Entries of one size that point to their paths: 32-bit ones, or 64-bit ones, which begin with a padded length. */
function indexed(blob: Buffer, header: number, narrow: number, wide: number): { readonly is64: boolean; readonly found: readonly Indexed[]; readonly said: number } {
  const said = blob.readUInt32LE(4);
  const is64 = blob.length >= header + 8 && blob.readUInt32LE(header + 4) === 0;
  const size = is64 ? wide : narrow;
  const room = Math.max(0, Math.floor((blob.length - header) / size));
  const found: Indexed[] = [];
  for (let i = 0; i < Math.min(said, room, MOST); i += 1) {
    const entry = header + i * size;
    const time = entry + (is64 ? 16 : 8);
    const path = pathAt(blob, is64 ? Number(blob.readBigUInt64LE(entry + 8)) : blob.readUInt32LE(entry + 4), blob.readUInt16LE(entry));
    if (path !== undefined) found.push({ entry, path, modified: filetimeAt(blob, time), rest: time + 8 });
  }
  return { is64, found, said };
}

/** Windows Server 2003 keeps the file's size where Vista and Server 2008 keep flags. */
function nt52(blob: Buffer): Shimcache {
  const { is64, found, said } = indexed(blob, NT52_HEADER, 24, 32);
  const flags = found.every(({ rest }) => blob.readUInt32LE(rest) <= 0xff && blob.readUInt32LE(rest + 4) <= 0xff);
  return {
    format: `${flags ? 'Windows Vista or Server 2008' : 'Windows Server 2003 or XP'} ${is64 ? '64' : '32'}-bit`,
    entries: found.map(({ path, modified, rest }) => ({
      path, modified, updated: undefined,
      size: flags ? undefined : blob.readBigUInt64LE(rest),
      executed: flags ? (blob.readUInt32LE(rest) & EXECUTED) !== 0 : undefined,
    })),
    damage: cut(said, found.length),
  };
}

function nt61(blob: Buffer): Shimcache {
  const { is64, found, said } = indexed(blob, NT6_HEADER, 32, 48);
  return {
    format: `Windows 7 or Server 2008 R2 ${is64 ? '64' : '32'}-bit`,
    entries: found.map(({ path, modified, rest }) => ({
      path, modified, updated: undefined, size: undefined, executed: (blob.readUInt32LE(rest) & EXECUTED) !== 0,
    })),
    damage: cut(said, found.length),
  };
}

/** Windows 8 and later: entries that begin with `00ts` (8) or `10ts` (8.1 and later), one after the other. */
function tagged(blob: Buffer, header: number): Shimcache | undefined {
  if (header + 4 > blob.length) return undefined;
  const tag = blob.toString('latin1', header, header + 4);
  if (tag !== '00ts' && tag !== '10ts') return undefined;
  const kind = header === NT6_HEADER ? (tag === '00ts' ? '8' : '8.1') : '10';
  const entries: ShimEntry[] = [];
  let at = header;
  while (at + 14 <= blob.length && blob.toString('latin1', at, at + 4) === tag && entries.length < MOST) {
    const end = at + 12 + blob.readUInt32LE(at + 8);
    if (end > blob.length || end < at + 14) break;
    const entry = kind === '10' ? tail10(blob.subarray(at + 12, end)) : tail8(blob.subarray(at + 12, end));
    if (entry === undefined) break;
    entries.push(entry);
    at = end;
  }
  const left = blob.subarray(at);
  return {
    format: `Windows ${kind}${kind === '10' ? ' or 11' : ''}`, entries,
    damage: left.some((byte) => byte !== 0) ? `${left.length} bytes behind entry ${entries.length} could not be read` : undefined,
  };
}

/** Path, time, data: of it the last word is 1 when the program was executed. */
function tail10(entry: Buffer): ShimEntry | undefined {
  const at = 2 + entry.readUInt16LE(0);
  if (at + 12 > entry.length) return undefined;
  const data = entry.subarray(at + 12, at + 12 + entry.readUInt32LE(at + 8));
  return {
    path: plainPath(utf16(entry.subarray(2, at))), modified: filetimeAt(entry, at), updated: undefined, size: undefined,
    executed: data.length < 4 ? undefined : data.readUInt32LE(data.length - 4) === 1,
  };
}

/** Path, package, two words of flags, time, data. */
function tail8(entry: Buffer): ShimEntry | undefined {
  let at = 2 + entry.readUInt16LE(0);
  const path = plainPath(utf16(entry.subarray(2, at)));
  if (at + 2 > entry.length) return undefined;
  at += 2 + entry.readUInt16LE(at);
  if (at + 16 > entry.length) return undefined;
  return { path, modified: filetimeAt(entry, at + 8), updated: undefined, size: undefined, executed: (entry.readUInt32LE(at) & EXECUTED) !== 0 };
}
