import { consoleHost, HostConsoles } from '../../src/windows/console.js';
import type { Windows } from '../../src/windows/windows.js';
import { compare, type Comparison } from './comparison.js';
import type { Truth } from './truth.js';

/** Who uses which conhost.exe; and, since no process of these images holds a console's data, that none is found, wherever it is looked for. */
export function compareConsoles(windows: Windows, { processes }: Pick<Truth, 'processes'>): Comparison[] {
  const live = windows.processes().filter(({ terminated }) => !terminated);
  const pids = new Set(live.map(({ pid }) => pid));
  const hosts = new Map(processes.filter(({ name, pid }) => name === 'conhost.exe' && pids.has(pid)).map(({ pid, ppid }) => [ppid, pid]));
  const expected = live.map(({ pid }) => `${pid} uses ${hosts.get(pid) ?? 'none'}`);
  const used = live.map((process) => {
    const found = consoleHost(process, windows.processes());
    return `${process.pid} uses ${found === undefined || found.source === 'itself' ? 'none' : found.host.pid}`;
  });
  const held = live.flatMap((process) => HostConsoles.of(process).consoles().flatMap(({ information, histories, screens }) =>
    [information, ...histories, ...screens].flatMap((one) => (one === undefined ? [] : [`${process.pid} at ${one.address.toString(16)}`]))));
  return [compare('processes and their conhost', expected, used), compare('consoles in memory', [], held)];
}
