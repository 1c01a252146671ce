import { dumpFile } from '../../src/minidump/file.js';
import { dumpHead } from '../../src/minidump/head.js';
import { VAD_PAGES, vadPages } from '../../src/tables/vad-pages.js';
import { textOf } from '../../src/vfs/table.js';
import { memoryRegions } from '../../src/windows/memory-region.js';
import { hasDump, processDump } from '../../src/windows/process-dump.js';
import type { Process } from '../../src/windows/process.js';
import { vadAt } from '../../src/windows/vad.js';
import type { Windows } from '../../src/windows/windows.js';
import { readMinidump, type ReadDump } from '../support/minidump-reader.js';
import { compare, type Comparison } from './comparison.js';
import type { Truth } from './truth.js';

/** All fields of a thing in one line, so that a wrong one counts as missing and as extra. */
const line = (...fields: readonly unknown[]): string => fields.map((field) => (typeof field === 'bigint' ? field.toString(16) : String(field))).join(' ');

/** The letters of `memmap/_vad-v.txt` in the truth's words. Compressed pages are in a page file to the page tables. */
const WORDS: Readonly<Record<string, string>> = { A: 'valid', T: 'transition', P: 'prototype', F: 'pagefile', C: 'pagefile', Z: 'demand-zero' };

/** The sampled pages that lie in VADs, as the lines of `_vad-v.txt` show them. */
function compareLines(windows: Windows, truth: Truth): Comparison {
  const want: string[] = [];
  const got: string[] = [];
  for (const pid of new Set(truth.page_samples.map((sample) => sample.pid))) {
    const process = windows.process(pid);
    if (process === undefined) continue;
    const samples = truth.page_samples.filter((sample) => sample.pid === pid && vadAt(process.vads(), sample.va) !== undefined);
    const lines = new Map(textOf(VAD_PAGES, vadPages(process, process.vads())).toString('utf8').split('\n').slice(2, -1).map((text) => {
      const [, , va, pa, , type] = text.trim().replace(/^([0-9a-f]{6})/, '$1 ').split(/\s+/);
      return [BigInt(`0x${va}`), { kind: WORDS[String(type)] ?? type, pfn: Number(`0x${pa}`) / 4096 || undefined }] as const;
    }));
    for (const { va, kind, pfn } of samples) {
      want.push(line(pid, va, kind, pfn));
      const found = lines.get(va);
      if (found !== undefined) got.push(line(pid, va, found.kind, found.pfn));
    }
  }
  return compare('sampled pages in vad-v', want, got);
}

/** A process's minidump as a reader of the format sees it. */
export function dumpOf(process: Process): ReadDump {
  const file = dumpFile(dumpHead(processDump(process)), process);
  return readMinidump({
    size: file.size,
    read(offset, length) {
      const bytes = Buffer.alloc(length);
      file.fill(offset, bytes);
      return bytes;
    },
  });
}

/** The minidumps of all processes that have one. */
function compareDumps(windows: Windows, truth: Truth): Comparison[] {
  const [rules, keeps]: string[][] = [[], []];
  const [wantModules, gotModules]: string[][] = [[], []];
  const [wantThreads, gotThreads]: string[][] = [[], []];
  const [wantBytes, gotBytes]: number[][] = [[], []];
  for (const expected of truth.processes) {
    const process = windows.processes().find(({ address }) => address === expected.eprocess);
    if (process === undefined || !hasDump(process)) continue;
    const dump = dumpOf(process);
    rules?.push(line(expected.pid, 'keeps the rules'));
    keeps?.push(line(expected.pid, ...(dump.problems.length === 0 ? ['keeps the rules'] : dump.problems)));
    for (const { base, size, path } of expected.modules.filter(({ linked }) => linked)) wantModules?.push(line(expected.pid, base, size, path));
    const listed = new Set(process.modules().filter(({ kind }) => kind === 'ldr').map(({ base }) => base));
    for (const { base, size, name } of dump.modules) if (listed.has(base)) gotModules?.push(line(expected.pid, base, size, name));
    for (const { tid, teb, exit_time: ended } of expected.threads) if (ended === undefined) wantThreads?.push(line(expected.pid, tid, teb));
    for (const { tid, teb } of dump.threads) gotThreads?.push(line(expected.pid, tid, teb));
    wantBytes?.push([...process.memory.runs(0n, process.memory.mode.kernelStart)].reduce((sum, { length }) => sum + length, 0));
    gotBytes?.push(dump.memory.reduce((sum, { length }) => sum + length, 0));
  }
  return [
    compare('minidumps', rules ?? [], keeps ?? []), compare('modules in minidumps', wantModules ?? [], gotModules ?? []),
    compare('threads in minidumps', wantThreads ?? [], gotThreads ?? []), compare('bytes in minidumps', (wantBytes ?? []).map(String), (gotBytes ?? []).map(String)),
  ];
}

/** Every page that can be read is in one file of `vmem/`, whatever it is part of. */
function compareRegions(windows: Windows): Comparison {
  const [want, got]: string[][] = [[], []];
  for (const process of windows.processes()) {
    if (process.terminated) continue;
    const { memory } = process;
    const bytes = (start: bigint, end: bigint): number => [...memory.runs(start, end)].reduce((sum, { length }) => sum + length, 0);
    want?.push(line(process.pid, bytes(0n, process.pid === 4 ? memory.mode.lastAddress + 1n : memory.mode.kernelStart)));
    got?.push(line(process.pid, [...memoryRegions(process)].reduce((sum, { start, end }) => sum + bytes(start, end + 1n), 0)));
  }
  return compare('bytes in vmem', want ?? [], got ?? []);
}

/** What `memmap/`, `vmem/` and `minidump/` show of processes. */
export function compareProcessMemory(windows: Windows, truth: Truth): readonly Comparison[] {
  return [compareLines(windows, truth), ...compareDumps(windows, truth), compareRegions(windows)];
}
