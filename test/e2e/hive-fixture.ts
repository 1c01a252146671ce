import { UNIX_EPOCH_FILETIME } from '../../src/bytes/filetime.js';
import { dword, sz, writeHive, type KeyToWrite } from '../support/hive-bytes.js';
import { changedPages, newLog, withSequence } from '../support/hive-log.js';

/** FILETIME of a time in UTC. */
export function at(iso: string): bigint {
  return BigInt(Date.parse(iso)) * 10_000n + UNIX_EPOCH_FILETIME;
}

const RUN: KeyToWrite = {
  name: 'Run', written: at('2023-02-01T11:48:58Z'),
  values: [{ name: 'Updater', type: 1, data: sz('C:\\Users\\alice\\updater.exe') }, { name: 'Count', type: 4, data: dword(42) }, { name: 'Blob', type: 3, data: Buffer.from('deadbeef00ff', 'hex') }],
};

/** A user's hive: who she is, and what starts with her session. */
export function userHive(run: KeyToWrite = RUN, more: readonly KeyToWrite[] = []): Buffer {
  const written = at('2023-01-01T00:00:00Z');
  const below = (name: string, ...keys: KeyToWrite[]): KeyToWrite => ({ name, written, keys });
  const folders: KeyToWrite = { name: 'Shell Folders', written, values: [{ name: 'Desktop', type: 1, data: sz('C:\\Users\\alice\\Desktop') }] };
  return writeHive({
    name: 'CMI-CreateHive{1}', written,
    keys: [{ name: 'Control Panel', written }, below('Software', below('Microsoft', below('Windows', below('CurrentVersion', below('Explorer', folders), run))), ...more)],
  }).file;
}

/** The machine's hive, with two control sets, the second one in use. */
export function systemHive(): Buffer {
  const written = at('2023-01-02T03:04:05Z');
  const set = (name: string, computer: string): KeyToWrite => ({
    name, written, keys: [{ name: 'Control', written, keys: [{ name: 'ComputerName', written, keys: [{ name: 'ComputerName', written, values: [{ name: 'ComputerName', type: 1, data: sz(computer) }] }] }] }],
  });
  return writeHive({
    name: 'ROOT', written,
    keys: [set('ControlSet001', 'OLD-PC'), set('ControlSet002', 'NEW-PC'), { name: 'MountedDevices', written }, { name: 'Select', written, values: [{ name: 'Current', type: 4, data: dword(2) }] }],
  }).file;
}

/** Machine hive that knows whose profile is where. */
export function softwareHive(): Buffer {
  const sid: KeyToWrite = { name: 'S-1-5-21-1-2-3-1001', values: [{ name: 'ProfileImagePath', type: 2, data: sz('C:\\Users\\alice') }] };
  const list: KeyToWrite = { name: 'Microsoft', keys: [{ name: 'Windows NT', keys: [{ name: 'CurrentVersion', keys: [{ name: 'ProfileList', keys: [sid] }] }] }] };
  return writeHive({ name: 'ROOT', written: at('2023-01-03T00:00:00Z'), keys: [{ name: 'Classes' }, list] }).file;
}

export const CHANGED_RUN: KeyToWrite = {
  ...RUN, written: at('2023-02-02T00:00:00Z'),
  values: [{ name: 'Updater', type: 1, data: sz('C:\\Users\\alice\\changed.exe') }, { name: 'Count', type: 4, data: dword(42) }, { name: 'Blob', type: 3, data: Buffer.from('deadbeef00ff', 'hex') }],
};

/** A hive whose last write was not completed, its log, and the hive that both make together. */
export function dirtyHive(): { readonly file: Buffer; readonly log: Buffer; readonly recovered: Buffer } {
  const before = userHive();
  const after = userHive(CHANGED_RUN);
  if (before.length !== after.length) throw new Error('the two hives lie alike');
  const file = withSequence(before, 6, 5);
  return { file, log: newLog(before, 5, [changedPages(before, after)]), recovered: after };
}
