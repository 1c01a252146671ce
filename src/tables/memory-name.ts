import { hex } from '../bytes/hex.js';
import type { PagingMode } from '../paging/mode.js';
import { fileName } from '../vfs/name.js';
import type { MemoryRegion } from '../windows/memory-region.js';
import type { Vad } from '../windows/vad.js';
import { vadDescription, vadType } from './vads.js';

/** The last part of what a VAD is: its file's name, `HEAP-00 [NtSegment]`, `STACK-0464`; undefined when nothing is known. */
export function vadName(vad: Vad): string | undefined {
  const text = vadDescription(vad);
  const last = text?.split('\\').at(-1);
  return last === undefined || last === '' ? text : last;
}

/** The file of a VAD in `memmap/vad-v`, as MemProcFS names it: `0x00007ff900000000-ntdll.dll.txt`. */
export function vadFileName(vad: Vad, pointerSize: 4 | 8): string {
  const name = vadName(vad);
  return fileName(`0x${hex(vad.start, pointerSize * 2)}${name === undefined ? '' : `-${name}`}`, '.txt');
}

/** What a region is, in one word: its file, `HEAP-00`, `STACK-0464`, `TEB-0464`, its type; the kernel's module. */
function regionWord({ vad, module, start }: MemoryRegion, kernelStart: bigint): string {
  if (vad === undefined) return module ?? (start >= kernelStart ? 'kernel' : 'no-vad');
  return vadName(vad)?.replace(/ \[.*\]$/, '') ?? vadType(vad) ?? 'Private';
}

/** The file of a region in `vmem/`: `00007ff900000000-00007ff9001f6fff-ntdll.dll.bin`. */
export function regionFileName(region: MemoryRegion, { pointerSize, kernelStart }: PagingMode): string {
  const digits = pointerSize * 2;
  return fileName(`${hex(region.start, digits)}-${hex(region.end, digits)}-${regionWord(region, kernelStart)}`, '.bin');
}

/** The range that a name in `vmem/` begins with; undefined when it does not. */
export function regionRange(name: string): { readonly start: bigint; readonly end: bigint } | undefined {
  const [, first, last] = /^([0-9a-f]{8,16})-([0-9a-f]{8,16})-/.exec(name) ?? [];
  if (first === undefined || last === undefined) return undefined;
  const [start, end] = [BigInt(`0x${first}`), BigInt(`0x${last}`)];
  return (start & 0xfffn) === 0n && (end & 0xfffn) === 0xfffn && end > start ? { start, end } : undefined;
}
