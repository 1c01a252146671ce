import type { PageState } from '../../src/paging/pte.js';
import type { Module } from '../../src/windows/module.js';
import type { Process } from '../../src/windows/process.js';
import { protectionName } from '../../src/windows/vad.js';
import type { Windows } from '../../src/windows/windows.js';
import { compare, type Comparison } from './comparison.js';
import type { Truth, TruthEvil, TruthModule, TruthProcess } from './truth.js';

/** All fields of a thing in one line, so that a wrong one counts as missing and as extra. */
const line = (...fields: readonly unknown[]): string => fields.map((field) => (typeof field === 'bigint' ? field.toString(16) : String(field))).join(' ');

/** The processes of the truth with the ones that were found at the same address. */
function* pairs(windows: Windows, truth: Truth): Generator<readonly [TruthProcess, Process | undefined]> {
  const byAddress = new Map(windows.processes().map((process) => [process.address, process]));
  for (const expected of truth.processes) yield [expected, byAddress.get(expected.eprocess)];
}

/** Loader lists, unlinked images, injected ones, and the kernel's modules. */
function compareModules(windows: Windows, truth: Truth): readonly Comparison[] {
  const [wantListed, gotListed, wantOther, gotOther]: string[][] = [[], [], [], []];
  const own = ({ name, wow64, base, size, entry, path }: Module | TruthModule, entryAddress: bigint | undefined, loaded: bigint | undefined): string =>
    line(name, wow64, base, size, entry, path, entryAddress, loaded);
  for (const [expected, found] of pairs(windows, truth)) {
    for (const module of expected.modules) {
      if (module.linked) wantListed?.push(line(expected.pid, own(module, module.ldr_entry || module.ldr32_entry, module.load_time)));
      else wantOther?.push(line(expected.pid, 'not-linked', module.base, module.size));
    }
    for (const module of found === undefined || found.pid === 4 ? [] : found.modules()) {
      if (module.kind === 'ldr') gotListed?.push(line(expected.pid, own(module, module.ldrEntry, module.loaded)));
      else gotOther?.push(line(expected.pid, module.kind, module.base, module.size));
    }
  }
  // The clean scenario has no such list.
  const evil: readonly TruthEvil[] | undefined = truth.evil;
  for (const { kind, pid, start, base, size } of evil ?? []) {
    if (kind === 'injected-pe' || kind === 'process-hollowing') {
      const at = start ?? base;
      const listed = truth.processes.some((process) => process.pid === pid && process.modules.some((module) => module.base === at && module.linked));
      if (!listed) wantOther?.push(line(pid, 'injected', at, size));
    }
  }
  const kernel = windows.process(4)?.modules() ?? [];
  return [
    compare('modules', wantListed ?? [], gotListed ?? []),
    compare('modules in no list', wantOther ?? [], gotOther ?? []),
    compare('kernel modules',
      truth.drivers.filter(({ linked }) => linked).map(({ name, path, base, size, ldr_entry: entry }) => line(name, path, base, size, entry)),
      kernel.filter(({ kind }) => kind === 'ldr').map(({ name, path, base, size, ldrEntry }) => line(name, path, base, size, ldrEntry))),
  ];
}

/** The VADs, and which of them are stacks. */
function compareVads(windows: Windows, truth: Truth): readonly Comparison[] {
  const [want, got]: string[][] = [[], []];
  const [wantUse, gotUse]: string[][] = [[], []];
  const kindOf = (vad: { readonly image: boolean; readonly private: boolean }): string => (vad.image ? 'Image' : vad.private ? 'Private' : 'Mapped');
  for (const [expected, found] of pairs(windows, truth)) {
    for (const vad of expected.vads) {
      want?.push(line(expected.pid, vad.vad, vad.start, vad.end, vad.protection, vad.private, vad.type, vad.commit, vad.file));
      const stack = /^Stack(?:32)?:(\d+)$/.exec(vad.label)?.[1];
      if (stack !== undefined && !vad.label.startsWith('Stack32')) wantUse?.push(line(expected.pid, vad.start, stack));
    }
    for (const vad of found?.vads() ?? []) {
      got?.push(line(expected.pid, vad.address, vad.start, vad.end, protectionName(vad.protection), vad.private, kindOf(vad), vad.commit, vad.file));
      if (vad.what?.kind === 'stack') gotUse?.push(line(expected.pid, vad.start, Number.parseInt(vad.what.text.slice('STACK-'.length), 16)));
    }
  }
  return [compare('VADs', want ?? [], got ?? []), compare('stacks', wantUse ?? [], gotUse ?? [])];
}

/** The truth's words for the states of pages. */
const KINDS: Readonly<Record<PageState['kind'], string>> = {
  'present': 'valid', 'transition': 'transition', 'prototype': 'prototype', 'pagefile': 'pagefile', 'compressed': 'compressed',
  'file': 'file', 'demand-zero': 'demand-zero', 'unmapped': 'unmapped',
};

/** The state of sampled pages, and where their data lies. */
function comparePageSamples(windows: Windows, truth: Truth): readonly Comparison[] {
  const [want, got]: string[][] = [[], []];
  for (const { pid, va, kind, pfn } of truth.page_samples) {
    want?.push(line(pid, va, kind, pfn));
    const memory = windows.process(pid)?.memory;
    if (memory === undefined) continue;
    const state = memory.pte(va);
    const frame = memory.translate(va);
    got?.push(line(pid, va, KINDS[state.kind], frame === undefined ? undefined : Math.floor(frame / 4096)));
  }
  return [compare('sampled pages', want ?? [], got ?? [])];
}

/** What a process's memory holds: modules, VADs, pages. */
export function compareMemory(windows: Windows, truth: Truth): readonly Comparison[] {
  return [...compareModules(windows, truth), ...compareVads(windows, truth), ...comparePageSamples(windows, truth)];
}
