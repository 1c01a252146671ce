import type { Windows } from '../../src/windows/windows.js';
import { compare, type Comparison } from './comparison.js';
import type { Truth } from './truth.js';

/** The name that the kernel holds of an ended process: ImageFileName, 14 characters and a NUL. */
const SHORT_NAME = 14;

/** Version, times and names of the machine, a line each. */
export function compareSystem(windows: Windows, { system }: Pick<Truth, 'system'>): Comparison[] {
  const { kernel, system: found } = windows;
  return [compare('system', [
    `kernel base ${system.kernel_base.toString(16)}`,
    `DTB ${system.dtb}`,
    `build ${system.build}`,
    `boot time ${system.boot_time}`,
    `capture time ${system.system_time}`,
    `computer name ${system.computer_name}`,
    `time zone ${system.time_zone}`,
    `processors ${system.cpus}`,
  ], [
    `kernel base ${kernel.base.toString(16)}`,
    `DTB ${kernel.memory.dtb}`,
    `build ${found.build}`,
    `boot time ${found.bootTime}`,
    `capture time ${found.captureTime}`,
    `computer name ${found.computerName}`,
    `time zone ${found.timeZone}`,
    `processors ${found.processors}`,
  ])];
}

/**
 * Processes of the lists and, after the pool scan has been joined, ended and hidden ones: identity in one line, what the
 * PEB says in another.
 */
export function compareProcesses(windows: Windows, { processes }: Pick<Truth, 'processes'>): Comparison[] {
  const found = windows.processes();
  // Those without a PEB (System, Registry, MemCompression) and those that have ended can say nothing of themselves.
  const speaking = processes.filter(({ peb, terminated }) => peb !== 0n && terminated !== true);
  const heard = found.filter(({ facts, terminated }) => facts.peb !== undefined && !terminated);
  return [
    compare('processes', processes.map((process) => [
      process.pid, process.ppid, process.name.slice(0, SHORT_NAME), process.eprocess.toString(16), process.dtb, process.create_time,
      process.exit_time ?? '-', process.session ?? '-', process.peb.toString(16), process.wow64, process.protection,
    ].join(' ')), found.map(({ pid, ppid, facts, address, created, exited }) => [
      pid, ppid, facts.shortName.slice(0, SHORT_NAME), address.toString(16), facts.dtb, created ?? 0n,
      exited ?? '-', facts.sessionId ?? '-', (facts.peb ?? 0n).toString(16), facts.wow64, facts.protection ?? '-',
    ].join(' '))),
    compare('process paths', processes.map(({ pid, native_path }) => `${pid} ${native_path}`),
      found.map(({ pid, facts }) => `${pid} ${facts.kernelPath}`)),
    compare('command lines', speaking.map((process) =>
      `${process.pid} ${process.peb_path ?? process.path} | ${process.peb_cmdline ?? process.cmdline}`),
    heard.map((process) => {
      const parameters = process.parameters();
      return `${process.pid} ${parameters?.imagePath ?? ''} | ${parameters?.commandLine ?? ''}`;
    })),
    compare('environment variables', speaking.flatMap(({ pid, environment }) =>
      Object.entries(environment).map(([name, value]) => `${pid} ${name}=${value}`)),
    heard.flatMap((process) => (process.parameters()?.environment ?? []).map((variable) => `${process.pid} ${variable}`))),
  ];
}
