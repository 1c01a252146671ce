import type { SqlValue } from '../../native-bindings/sqlite.js';
import { DETECTORS } from '../../forensic/detectors.js';
import type { StageContext } from '../../forensic/stage.js';
import { STAGES } from '../../forensic/stages.js';
import { findings } from '../../forensic/stages/findevil.js';
import type { Windows } from '../../src/windows/windows.js';
import { compare, type Comparison } from './comparison.js';
import type { Truth, TruthEvil } from './truth.js';

/** What the detectors must say of each kind of planted evil. Kinds that no detector covers yet are not named. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  'injected-pe': ['PE_INJECT', 'PRIVATE_RWX'], 'injected-code': ['PRIVATE_RWX'], 'injected-thread': ['THREAD'],
  'process-hollowing': ['PRIVATE_RWX', 'PROC_PARENT', 'THREAD'], 'dkom-hidden-process': ['PROC_NOLINK'], 'peb-masquerade': ['PEB_MASQ'],
  'privilege': ['PROC_DEBUG'], 'unlinked-dll': ['PE_NOLINK'], 'inline-hook': ['PE_PATCHED'], 'process-path': ['PROC_PARENT'],
  'hidden-driver': ['DRIVER_PATH'], 'driver-path': ['DRIVER_PATH'],
};

/** A failing part of a detector or stage is a difference. */
const STRICT: StageContext = { step: () => undefined, note: (sentence) => { throw new Error(sentence); } };

/** PID and detector of each planted evil and of each finding, each pair once; silence where nothing was planted. */
export function compareEvil(windows: Windows, truth: { readonly evil?: readonly TruthEvil[] }): Comparison[] {
  const expected = (truth.evil ?? []).flatMap(({ kind, pid }) => (TYPES[kind] ?? []).map((type) => `${pid ?? 4} ${type}`));
  const found = [...findings(windows, DETECTORS, STRICT)].flatMap((one) => (one === undefined ? [] : [`${one.process.pid} ${one.type}`]));
  return [compare('evil', new Set(expected), new Set(found))];
}

/** The rows of a stage as the database gets them, by these columns. */
function* rows(windows: Windows, name: string, ...columns: readonly string[]): Generator<string> {
  const stage = STAGES.find((one) => one.name === name);
  if (stage === undefined) throw new Error(`there is no stage ${name}`);
  const places = columns.map((column) => stage.table.columns.findIndex((one) => one.name === column));
  for (const row of stage.written(windows, STRICT)) {
    if (row !== undefined) yield places.map((place) => shown(row.values[place])).join(' ');
  }
}

const shown = (value: SqlValue): string => (value === undefined ? '-' : String(value));
const address = (value: bigint): string => `0x${value.toString(16).padStart(16, '0')}`;

/** The rows of the forensic tables, each by what identifies it. */
export function compareStages(windows: Windows, truth: Truth): Comparison[] {
  const { processes } = truth;
  // The lists of processes that have ended are gone.
  const running = processes.filter(({ exit_time: exit }) => exit === undefined || exit === 0n);
  return [
    compare('table process', processes.map(({ pid, ppid, eprocess }) => `${pid} ${ppid} ${address(eprocess)}`), rows(windows, 'process', 'pid', 'ppid', 'eprocess')),
    compare('table thread', processes.flatMap(({ pid, threads }) => threads.map(({ tid, ethread, exit_time: exit }) =>
      `${pid} ${tid} ${address(ethread)} ${exit === undefined || exit === 0n ? '-' : 'ended'}`)),
    [...rows(windows, 'thread', 'pid', 'tid', 'ethread', 'exited')].map((row) => row.replace(/ \d{4}-\S+$/, ' ended'))),
    compare('table handle', running.flatMap(({ pid, handles }) => handles.map(({ value, object, type }) => `${pid} ${value} ${address(object)} ${type}`)),
      rows(windows, 'handle', 'pid', 'handle', 'object', 'type')),
    compare('table vad', running.flatMap(({ pid, vads }) => vads.map(({ vad, start, end, protection }) => `${pid} ${address(vad)} ${address(start)} ${address(end)} ${protection}`)),
      rows(windows, 'vad', 'pid', 'vad', 'start', 'end', 'protection')),
    compare('table driver', truth.drivers.flatMap(({ driver_object: object, base }) => (object === undefined ? [] : [`${address(object)} ${address(base)}`])),
      rows(windows, 'driver', 'object', 'start')),
    compare('table net', truth.network.map(({ va, pid, local_port: port }) => `${address(va)} ${pid} ${port}`), rows(windows, 'net', 'object', 'pid', 'local_port')),
    compare('table registry', truth.hives.flatMap(({ cmhive, keys }) => keys.flatMap(({ values }) => [`${address(cmhive)} - -`,
      ...values.map(({ name, size }) => `${address(cmhive)} ${name} ${size}`)])), rows(windows, 'registry', 'hive', 'value', 'size')),
  ];
}

/** Tables and findings of the forensic pass. */
export function compareForensic(windows: Windows, truth: Truth): Comparison[] {
  return [...compareEvil(windows, truth), ...compareStages(windows, truth)];
}
