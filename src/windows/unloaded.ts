import { FormatError } from '../bytes/errors.js';
import { utf16 } from '../bytes/utf16.js';
import { wordAt } from '../bytes/word.js';
import { codeView, exportDirectory, peHeader } from '../pe/header.js';
import type { Kernel } from './kernel.js';
import type { Module } from './module.js';
import type { Process } from './process.js';
import { traceArray, traceVariables } from './unload-trace-code.js';

/** A module that has been unloaded. */
export interface UnloadedModule {
  readonly name: string;
  readonly base: bigint;
  /** Bytes. */
  readonly size: number;
  readonly wow64: boolean;
  /** When a driver was unloaded; of libraries Windows does not keep it. */
  readonly unloaded: bigint | undefined;
  /** Of a library: the number of its unloading, counted from the process's start; TimeDateStamp and CheckSum of its headers. */
  readonly sequence: number | undefined;
  readonly timestamp: number | undefined;
  readonly checksum: number | undefined;
}

const MAX_SIZE = 0x4000_0000;
const PAGE_MASK = 0xfffn;

/** What a process, or System for the kernel, remembers to have unloaded, the oldest first. */
export function unloadedModules(process: Process): readonly UnloadedModule[] {
  const { anomalies, where } = process;
  if (process.pid === 4) return anomalies.attempt('unloaded drivers', () => unloadedDrivers(process.kernel)) ?? [];
  if (process.terminated) return [];
  return process.modules()
    .filter(({ name, kind }) => kind !== 'data' && kind !== 'injected' && name.toLowerCase() === 'ntdll.dll')
    .flatMap((ntdll) => anomalies.attempt(`${where} unloaded modules`, () => unloadedLibraries(process, ntdll)) ?? []);
}

/** MI_UNLOADED_DRIVERS: the ring that the kernel keeps. */
const RING = 50;

/**
 * MmUnloadedDrivers: a ring of `_UNLOADED_DRIVERS`, which no public table has: Name, StartAddress, EndAddress, CurrentTime. The next one is
 * written at MmLastUnloadedDriver.
 */
function unloadedDrivers(kernel: Kernel): readonly UnloadedModule[] {
  const [ring, last] = [kernel.symbol('MmUnloadedDrivers'), kernel.symbol('MmLastUnloadedDriver')];
  const array = ring === undefined ? undefined : kernel.pointer(ring);
  if (array === undefined || !kernel.isKernelAddress(array)) return [];
  const pointer = kernel.pointerSize;
  const size = pointer * 4 + 8;
  const bytes = Buffer.alloc(size * RING);
  const missing = kernel.memory.fill(array, bytes);
  if (missing > 0) kernel.anomalies.add('unloaded drivers', `${missing} bytes of the list are not in the image`, array);
  const next = last === undefined ? 0 : kernel.memory.read(last, 4)?.readUInt32LE(0) ?? 0;
  const found: UnloadedModule[] = [];
  for (let i = 0; i < RING; i += 1) {
    const at = ((next + i) % RING) * size;
    const [buffer, start, end] = [1, 2, 3].map((word) => wordAt(bytes, at + word * pointer, pointer)) as [bigint, bigint, bigint];
    if (start === 0n && end === 0n) continue;
    const length = bytes.readUInt16LE(at);
    const one = kernel.anomalies.attempt('unloaded drivers', () => plausible({
      name: kernel.text({ length, maximumLength: length, buffer }) ?? '',
      base: start, size: Number(end - start), wow64: false,
      unloaded: bytes.readBigUInt64LE(at + pointer * 4) || undefined,
      sequence: undefined, timestamp: undefined, checksum: undefined,
    }));
    if (one !== undefined) found.push(one);
  }
  return found;
}

/**
 * The ring of `RTL_UNLOAD_EVENT_TRACE` (BaseAddress, SizeOfImage, Sequence, TimeDateStamp, CheckSum, ImageName[32], and from Vista on
 * Version[2]) by the build that it begins at.
 */
const TRACES: readonly { readonly build: number; readonly count: number; readonly size: { readonly 4: number; readonly 8: number } }[] = [
  { build: 6000, count: 64, size: { 4: 0x5c, 8: 0x68 } },
  { build: 0, count: 16, size: { 4: 0x54, 8: 0x60 } },
];
const IMAGE_NAME = 64;
/** Windows' own tools read no more. */
const MOST_TRACES = 4096;

interface TraceRing {
  readonly address: bigint;
  /** Bytes of an element. */
  readonly size: number;
  readonly count: number;
}

function unloadedLibraries(process: Process, ntdll: Module): readonly UnloadedModule[] {
  const pointer = ntdll.wow64 ? 4 : process.kernel.pointerSize;
  const found = new Map<string, UnloadedModule>();
  for (const { address, size, count } of traceRings(process, ntdll, pointer)) {
    const bytes = Buffer.alloc(size * count);
    process.memory.fill(address, bytes);
    for (let at = 0; at < bytes.length; at += size) {
      const numbers = at + pointer * 2;
      const base = wordAt(bytes, at, pointer);
      const name = utf16(bytes.subarray(numbers + 12, numbers + 12 + IMAGE_NAME)).split('\0')[0] ?? '';
      if (base === 0n || name === '') continue;
      const sequence = bytes.readUInt32LE(numbers);
      const one = process.anomalies.attempt(`${process.where} unloaded modules`, () => plausible({
        name, base, size: Number(wordAt(bytes, at + pointer, pointer)), wow64: ntdll.wow64,
        unloaded: undefined, sequence, timestamp: bytes.readUInt32LE(numbers + 4), checksum: bytes.readUInt32LE(numbers + 8),
      }));
      if (one !== undefined) found.set(`${base} ${sequence}`, one);
    }
  }
  return [...found.values()].sort((a, b) => (a.sequence ?? 0) - (b.sequence ?? 0));
}

/** @throws FormatError when no module can have been there */
function plausible(one: UnloadedModule): UnloadedModule {
  if ((one.base & PAGE_MASK) !== 0n || one.size <= 0 || one.size >= MAX_SIZE) throw new FormatError('an unloaded module has no plausible range', one.base);
  return one;
}

/**
 * Where the rings of an ntdll are: RtlpUnloadEventTrace, and the larger one that RtlpUnloadEventTraceEx points to when it was asked for. By
 * symbols where they are given, else by the code of the exported functions that answer where the rings are.
 */
function* traceRings(process: Process, { base }: Module, pointer: 4 | 8): Generator<TraceRing> {
  const { memory, kernel } = process;
  const header = peHeader(memory, base);
  if (header === undefined) return;
  const usual = TRACES.find(({ build }) => kernel.profile.build >= build) ?? TRACES[0]!;
  const view = codeView(memory, base, header);
  const symbols = view && kernel.moduleSymbols(view);
  const exported = exportDirectory(memory, base, header);
  const symbol = (name: string): bigint | undefined => {
    const rva = symbols?.symbol(name);
    return rva === undefined ? undefined : base + BigInt(rva);
  };
  const code = (name: string): { address: bigint; bytes: Buffer } | undefined => {
    const rva = exported?.find(name);
    if (rva === undefined) return undefined;
    const address = base + BigInt(rva);
    // A function at the end of a page is short enough to end there.
    const bytes = memory.read(address, 64) ?? memory.read(address, 0x1000 - Number(address & PAGE_MASK));
    return bytes === undefined ? undefined : { address, bytes };
  };
  const image = (address: bigint | undefined): address is bigint =>
    address !== undefined && address >= base && address < base + BigInt(header.sizeOfImage);

  const [plain, extended] = [code('RtlGetUnloadEventTrace'), code('RtlGetUnloadEventTraceEx')];
  const array = symbol('RtlpUnloadEventTrace') ?? (plain && traceArray(plain.bytes, plain.address, pointer));
  if (image(array)) yield { address: array, size: usual.size[pointer], count: usual.count };

  const byCode = extended && traceVariables(extended.bytes, extended.address, pointer);
  const size = symbol('RtlpUnloadEventTraceExSize') ?? byCode?.size;
  const count = symbol('RtlpUnloadEventTraceExNumber') ?? byCode?.count;
  const trace = symbol('RtlpUnloadEventTraceEx') ?? byCode?.trace;
  if (!image(size) || !image(count) || !image(trace)) return;
  const [elementSize, elements, at] = [memory.read(size, 4)?.readUInt32LE(0), memory.read(count, 4)?.readUInt32LE(0), memory.read(trace, pointer)];
  if (elementSize !== usual.size[pointer] || elements === undefined || elements === 0 || at === undefined) return;
  const address = wordAt(at, 0, pointer);
  if (address !== 0n && address !== array && !kernel.isKernelAddress(address)) yield { address, size: elementSize, count: Math.min(elements, MOST_TRACES) };
}
