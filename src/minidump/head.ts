import { UNIX_EPOCH_FILETIME } from '../bytes/filetime.js';
import { guidBytes } from '../bytes/guid.js';
import { Bytes, NOWHERE, type Location } from './bytes.js';
import { context } from './context.js';
import { ARCHITECTURES, type Dump, type DumpModule, type DumpRange, type DumpThread } from './dump.js';

/** MINIDUMP_STREAM_TYPE. */
export const STREAMS = {
  threadList: 3, moduleList: 4, systemInfo: 7, memory64List: 9, commentW: 11, unloadedModuleList: 14, miscInfo: 15, memoryInfoList: 16,
  threadInfoList: 17, threadNames: 24,
} as const;

const SIGNATURE = 0x504d_444d;
/** MINIDUMP_VERSION. */
const VERSION = 0xa793;
/** MiniDumpWithFullMemory, WithUnloadedModules, WithFullMemoryInfo, WithThreadInfo. */
const FLAGS = 0x2 | 0x20 | 0x800 | 0x1000;
const HEADER_SIZE = 32;
const DIRECTORY_ENTRY = 12;
const THREAD_SIZE = 48;
const MODULE_SIZE = 108;
const THREAD_INFO_SIZE = 64;
/** VER_PLATFORM_WIN32_NT. */
const PLATFORM_NT = 2;
const FIXED_SIGNATURE = 0xfeef_04bd;
const RSDS = 0x5344_5352;
/** MINIDUMP_MISC1_PROCESS_ID. */
const HAS_PID = 1;
/** MINIDUMP_MISC1_PROCESS_TIMES: the time it was created; processor times are not known and zero. */
const HAS_TIMES = 2;
/** MINIDUMP_THREAD_INFO_EXITED_THREAD, _INVALID_CONTEXT. */
const EXITED = 4;
const INVALID_CONTEXT = 0x10;
/** A location's offset has 32 bits. */
const LAST_RVA = 0xffff_ffff;

/**
 * The dump up to its memory, which follows without a gap: the ranges of `memory`, one after the other. Corresponds to minidumpapiset.h.
 * The list of memory ranges (`Memory64ListStream`) is its last part.
 */
export function dumpHead(dump: Dump): Buffer {
  const bytes = new Bytes();
  bytes.take(HEADER_SIZE);
  const streams: [type: number, location: Location][] = [];
  const names = dump.threads.filter(({ name }) => name !== undefined);
  const count = 9 + (names.length > 0 ? 1 : 0);
  const directory = bytes.take(count * DIRECTORY_ENTRY);
  streams.push([STREAMS.systemInfo, systemInfo(bytes, dump)], [STREAMS.miscInfo, miscInfo(bytes, dump)]);
  const threads = bytes.take(4 + dump.threads.length * THREAD_SIZE);
  streams.push([STREAMS.threadList, threads]);
  const contexts = dump.threads.map((thread) => bytes.put(context(dump.architecture, thread.registers)));
  streams.push([STREAMS.threadInfoList, threadInfo(bytes, dump.threads)]);
  if (names.length > 0) streams.push([STREAMS.threadNames, threadNames(bytes, names)]);
  streams.push(
    [STREAMS.moduleList, moduleList(bytes, dump.modules)], [STREAMS.unloadedModuleList, unloadedModules(bytes, dump)],
    [STREAMS.memoryInfoList, memoryInfo(bytes, dump)], [STREAMS.commentW, bytes.put(Buffer.from(`${dump.comment}\0`, 'utf16le'))],
  );
  // Last, so that its place gives the place of all memory.
  const memory = bytes.take(16 + dump.memory.length * 16);
  streams.push([STREAMS.memory64List, memory]);
  memoryList(bytes, memory, dump.memory);
  threadList(bytes, threads.rva, dump, contexts);
  streams.forEach(([type, location], i) => {
    bytes.u32(directory.rva + i * DIRECTORY_ENTRY, type);
    bytes.location(directory.rva + i * DIRECTORY_ENTRY + 4, location);
  });
  bytes.u32(0, SIGNATURE);
  bytes.u32(4, VERSION);
  bytes.u32(8, streams.length);
  bytes.u32(12, directory.rva);
  bytes.u32(20, unixTime(dump.captured));
  bytes.u64(24, BigInt(FLAGS));
  return bytes.finished();
}

/** Seconds since 1970; 0 where the time is not known or such seconds cannot say it. */
function unixTime(time: bigint): number {
  const seconds = time <= UNIX_EPOCH_FILETIME ? 0 : Number((time - UNIX_EPOCH_FILETIME) / 10_000_000n);
  return seconds > 0xffff_ffff ? 0 : seconds;
}

/** `MINIDUMP_SYSTEM_INFO`. */
function systemInfo(bytes: Bytes, { architecture, processors, version, servicePack, productType }: Dump): Location {
  const place = bytes.take(56);
  const { rva } = place;
  bytes.u16(rva, ARCHITECTURES[architecture]);
  bytes.u16(rva + 6, Math.min(processors, 255) | (productType << 8));
  bytes.u32(rva + 8, version.major);
  bytes.u32(rva + 12, version.minor);
  bytes.u32(rva + 16, version.build);
  bytes.u32(rva + 20, PLATFORM_NT);
  bytes.u32(rva + 24, bytes.text(servicePack).rva);
  return place;
}

/** `MINIDUMP_MISC_INFO`. */
function miscInfo(bytes: Bytes, { pid, created }: Dump): Location {
  const place = bytes.take(24);
  const { rva } = place;
  const since = unixTime(created);
  bytes.u32(rva, place.size);
  bytes.u32(rva + 4, HAS_PID | (since === 0 ? 0 : HAS_TIMES));
  bytes.u32(rva + 8, pid);
  bytes.u32(rva + 12, since);
  return place;
}

/** `MINIDUMP_THREAD_LIST`: the stacks point into the memory that follows, where 32 bits reach it. */
function threadList(bytes: Bytes, rva: number, { threads, memory }: Dump, contexts: readonly Location[]): void {
  const offsets = fileOffsets(memory, bytes.length);
  bytes.u32(rva, threads.length);
  threads.forEach(({ tid, suspendCount, priority, teb, stack }, i) => {
    const at = rva + 4 + i * THREAD_SIZE;
    bytes.u32(at, tid);
    bytes.u32(at + 4, suspendCount);
    bytes.u32(at + 12, priority);
    bytes.u64(at + 16, teb);
    bytes.u64(at + 24, stack?.start ?? 0n);
    bytes.location(at + 32, stack === undefined ? NOWHERE : placeOf(stack, memory, offsets));
    bytes.location(at + 40, contexts[i] ?? NOWHERE);
  });
}

/** Where each range begins in the file. */
export function fileOffsets(memory: readonly DumpRange[], first: number): readonly number[] {
  let next = first;
  return memory.map(({ length }) => {
    const at = next;
    next += length;
    return at;
  });
}

/** Where a stretch lies in the file, when one range holds it whole. */
function placeOf({ start, length }: DumpRange, memory: readonly DumpRange[], offsets: readonly number[]): Location {
  const index = lastIndex(memory.length, (i) => memory[i]!.start <= start);
  const range = memory[index];
  if (range === undefined || start + BigInt(length) > range.start + BigInt(range.length)) return NOWHERE;
  const rva = offsets[index]! + Number(start - range.start);
  return rva + length > LAST_RVA ? NOWHERE : { rva, size: length };
}

/** The last of 0 to count - 1 for which `holds`, which holds up to some index and no further; -1: for none. */
export function lastIndex(count: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** `MINIDUMP_THREAD_INFO_LIST`. */
function threadInfo(bytes: Bytes, threads: readonly DumpThread[]): Location {
  const place = bytes.take(12 + threads.length * THREAD_INFO_SIZE);
  bytes.u32(place.rva, 12);
  bytes.u32(place.rva + 4, THREAD_INFO_SIZE);
  bytes.u32(place.rva + 8, threads.length);
  threads.forEach(({ tid, registers, exitStatus, created, exited, startAddress }, i) => {
    const at = place.rva + 12 + i * THREAD_INFO_SIZE;
    bytes.u32(at, tid);
    bytes.u32(at + 4, (exited === 0n ? 0 : EXITED) | (registers === undefined ? INVALID_CONTEXT : 0));
    bytes.u32(at + 12, exitStatus);
    bytes.u64(at + 16, created);
    bytes.u64(at + 24, exited);
    bytes.u64(at + 48, startAddress);
  });
  return place;
}

/** `MINIDUMP_THREAD_NAME_LIST`: entries of twelve bytes. */
function threadNames(bytes: Bytes, threads: readonly DumpThread[]): Location {
  const place = bytes.take(4 + threads.length * 12);
  bytes.u32(place.rva, threads.length);
  threads.forEach(({ tid, name = '' }, i) => {
    bytes.u32(place.rva + 4 + i * 12, tid);
    bytes.u64(place.rva + 8 + i * 12, BigInt(bytes.text(name).rva));
  });
  return place;
}

/** `MINIDUMP_MODULE_LIST`. */
function moduleList(bytes: Bytes, modules: readonly DumpModule[]): Location {
  const place = bytes.take(4 + modules.length * MODULE_SIZE);
  bytes.u32(place.rva, modules.length);
  modules.forEach(({ base, size, checksum, timestamp, path, version, codeView }, i) => {
    const at = place.rva + 4 + i * MODULE_SIZE;
    bytes.u64(at, base);
    bytes.u32(at + 8, size);
    bytes.u32(at + 12, checksum);
    bytes.u32(at + 16, timestamp);
    bytes.u32(at + 20, bytes.text(path).rva);
    if (version !== undefined) fixedVersion(bytes, at + 24, version);
    bytes.location(at + 76, codeView === undefined ? NOWHERE : bytes.put(codeViewBytes(codeView)));
  });
  return place;
}

/** `VS_FIXEDFILEINFO` with the version as that of file and product. */
function fixedVersion(bytes: Bytes, at: number, [major = 0, minor = 0, build = 0, revision = 0]: readonly number[]): void {
  bytes.u32(at, FIXED_SIGNATURE);
  bytes.u32(at + 4, 0x1_0000);
  for (const field of [8, 16]) {
    bytes.u32(at + field, ((major & 0xffff) << 16) | (minor & 0xffff));
    bytes.u32(at + field + 4, ((build & 0xffff) << 16) | (revision & 0xffff));
  }
}

/** `RSDS`, GUID, age, path. */
function codeViewBytes({ guid, age, path }: NonNullable<DumpModule['codeView']>): Buffer {
  const record = Buffer.alloc(24);
  record.writeUInt32LE(RSDS, 0);
  guidBytes(guid).copy(record, 4);
  record.writeUInt32LE(age >>> 0, 20);
  return Buffer.concat([record, Buffer.from(`${path}\0`, 'utf8')]);
}

/** `MINIDUMP_UNLOADED_MODULE_LIST`. */
function unloadedModules(bytes: Bytes, { unloaded }: Dump): Location {
  const place = bytes.take(12 + unloaded.length * 24);
  bytes.u32(place.rva, 12);
  bytes.u32(place.rva + 4, 24);
  bytes.u32(place.rva + 8, unloaded.length);
  unloaded.forEach(({ base, size, checksum, timestamp, name }, i) => {
    const at = place.rva + 12 + i * 24;
    bytes.u64(at, base);
    bytes.u32(at + 8, size);
    bytes.u32(at + 12, checksum);
    bytes.u32(at + 16, timestamp);
    bytes.u32(at + 20, bytes.text(name).rva);
  });
  return place;
}

/** `MINIDUMP_MEMORY_INFO_LIST`. */
function memoryInfo(bytes: Bytes, { regions }: Dump): Location {
  const place = bytes.take(16 + regions.length * 48);
  bytes.u32(place.rva, 16);
  bytes.u32(place.rva + 4, 48);
  bytes.u64(place.rva + 8, BigInt(regions.length));
  regions.forEach(({ base, size, allocationBase, allocationProtect, state, protect, type }, i) => {
    const at = place.rva + 16 + i * 48;
    bytes.u64(at, base);
    bytes.u64(at + 8, allocationBase);
    bytes.u32(at + 16, allocationProtect);
    bytes.u64(at + 24, size);
    bytes.u32(at + 32, state);
    bytes.u32(at + 36, protect);
    bytes.u32(at + 40, type);
  });
  return place;
}

/** `MINIDUMP_MEMORY64_LIST`. */
function memoryList(bytes: Bytes, { rva }: Location, memory: readonly DumpRange[]): void {
  bytes.u64(rva, BigInt(memory.length));
  bytes.u64(rva + 8, BigInt(bytes.length));
  memory.forEach(({ start, length }, i) => {
    bytes.u64(rva + 16 + i * 16, start);
    bytes.u64(rva + 24 + i * 16, BigInt(length));
  });
}
