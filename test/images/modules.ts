import { exportDirectory } from '../../src/pe/header.js';
import { moduleFile } from '../../src/windows/module-file.js';
import { moduleViews } from '../../src/windows/module-views.js';
import { unloadedModules } from '../../src/windows/unloaded.js';
import type { Windows } from '../../src/windows/windows.js';
import { readPe } from '../support/pe-reader.js';
import { compare, type Comparison } from './comparison.js';
import type { Truth, TruthEvil } from './truth.js';

const hex = (address: bigint | undefined): string => (address ?? 0n).toString(16);

/** The clean scenario has no such list. */
function evilOf(truth: Truth, ...kinds: readonly string[]): readonly TruthEvil[] {
  const evil: readonly TruthEvil[] | undefined = truth.evil;
  return (evil ?? []).filter(({ kind }) => kinds.includes(kind));
}

/** The lists against the VADs, drivers that hide from their list, and what is remembered to have been unloaded. */
export function compareModuleViews(windows: Windows, truth: Truth): readonly Comparison[] {
  const running = truth.processes.filter(({ terminated }) => terminated !== true);
  const views = windows.processes().filter(({ pid }) => pid !== 4).flatMap((process) => moduleViews(process).map((one) => ({ pid: process.pid, ...one })));
  const injected = evilOf(truth, 'injected-pe');
  const system = windows.process(4);
  return [
    compare('listed bases', running.flatMap(({ pid, modules }) => modules.filter(({ linked }) => linked).map(({ base }) => `${pid} ${hex(base)}`)),
      views.filter(({ lists }) => lists.has('load') && lists.has('memory')).map(({ pid, base }) => `${pid} ${hex(base)}`)),
    compare('odd modules', [
      ...running.flatMap(({ pid, modules }) => modules.filter(({ linked }) => !linked).map(({ base }) => `${pid} ${hex(base)} unlinked`)),
      ...injected.map(({ pid, start }) => `${String(pid)} ${hex(start)} injected`),
      ...evilOf(truth, 'process-hollowing').map(({ pid, base }) => `${String(pid)} ${hex(base)} private`),
    ], views.flatMap(({ pid, base, oddities }) => oddities.map((oddity) => `${pid} ${hex(base)} ${oddity}`))),
    compare('hidden kernel modules', evilOf(truth, 'hidden-driver').map(({ base, size }) => `${hex(base)} ${String(size)}`),
      (system?.modules() ?? []).filter(({ kind }) => kind !== 'ldr').map(({ base, size }) => `${hex(base)} ${size}`)),
    compare('unloaded drivers', truth.unloaded_drivers.map(({ name, start, end, time }) => `${name} ${hex(start)} ${hex(end)} ${time}`),
      (system === undefined ? [] : unloadedModules(system)).map(({ name, base, size, unloaded }) => `${name} ${hex(base)} ${hex(base + BigInt(size))} ${String(unloaded)}`)),
    compare('exports of injected images', injected.flatMap(({ pid, exports = [] }) => exports.map((name) => `${String(pid)} ${name}`)),
      injected.flatMap(({ pid = 0, start = 0n }) => {
        const process = windows.process(pid);
        const module = process?.modules().find(({ base }) => base === start);
        const file = process === undefined || module === undefined ? undefined : moduleFile(process, module);
        const found = process === undefined || file === undefined ? undefined : exportDirectory(process.memory, start, file.header);
        return [...found?.entries() ?? []].map(({ name }) => `${pid} ${name ?? ''}`);
      })),
  ];
}

/** Every module of every process: its file can be rebuilt, passes a strict reader, and is missing as many bytes as its map says. */
export function compareModuleFiles(windows: Windows): readonly Comparison[] {
  const [modules, readable, counted]: string[][] = [[], [], []];
  for (const process of windows.processes()) {
    for (const module of process.modules()) {
      const what = `${process.pid} ${hex(module.base)} ${module.name}`;
      modules?.push(what);
      const file = moduleFile(process, module);
      if (file === undefined) continue;
      const { node } = file;
      const head = Buffer.alloc(Math.min(node.size, 0x2000));
      node.fill(0, head);
      readPe(head, node.size);
      readable?.push(what);
      if (file.digest().missing === file.missing()) counted?.push(what);
    }
  }
  return [compare('rebuilt modules', modules ?? [], readable ?? []), compare('their missing bytes', modules ?? [], counted ?? [])];
}
