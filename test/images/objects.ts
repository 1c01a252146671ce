import type { Windows } from '../../src/windows/windows.js';
import { compare, type Comparison } from './comparison.js';
import type { Truth, TruthProcess } from './truth.js';

/** All fields of a thing in one line, so that a wrong one counts as missing and as extra. */
const line = (...fields: readonly unknown[]): string => fields.map((field) => (typeof field === 'bigint' ? field.toString(16) : String(field))).join(' ');

const live = (truth: Truth): readonly TruthProcess[] => truth.processes.filter((process) => process.exit_time === undefined);

/** The rights that the truth's access masks hold; the bits above are the entry's own. */
const ACCESS = 0x1ff_ffff;

/** ImageFileName keeps so many characters of a name. */
const SHORT_NAME = 14;

/** `_KTHREAD.State`. */
const RUNNING = 2;

/** The handles of running processes: object, type, rights, and the full name where the truth has one. */
export function compareHandles(windows: Windows, truth: Truth): Comparison[] {
  const paths = new Map(truth.namespace.map(({ va, path }) => [va, path]));
  const expected: string[] = [];
  const found: string[] = [];
  const expectedNames: string[] = [];
  const foundNames: string[] = [];
  for (const process of live(truth)) {
    for (const { value, type, object, access, name } of process.handles) {
      expected.push(line(process.pid, value, type, object, access & ACCESS));
      const path = type === 'Process' ? name?.slice(0, SHORT_NAME) : type === 'File' ? name : type === 'Key' ? name?.toUpperCase() : paths.get(object);
      if (path !== undefined) expectedNames.push(line(process.pid, value, path));
    }
    // The truth names a file on a volume without the volume, one on another device with it.
    const files = new Map(process.handles.flatMap(({ type, value, name }) => (type === 'File' && name !== undefined ? [[value, name]] : [])));
    for (const { value, type, object, access, name, path, device } of windows.process(process.pid)?.handles() ?? []) {
      found.push(line(process.pid, value, type, object, access));
      if (type === 'File') {
        const known = files.get(value);
        if (known !== undefined) foundNames.push(line(process.pid, value, known.startsWith('\\Device\\') ? path : name.slice((device ?? '').length + 1)));
      } else if (type === 'Process') foundNames.push(line(process.pid, value, name.replace(/^PID \d+ - /, '')));
      // Keys of the same name share a name block, with the case of the first.
      else if (type === 'Key') foundNames.push(line(process.pid, value, path?.toUpperCase()));
      else if (paths.has(object)) foundNames.push(line(process.pid, value, path));
    }
  }
  return [compare('handles', expected, found), compare('handle names', expectedNames, foundNames)];
}

/** The threads of all processes in the process lists that have not ended. */
export function compareThreads(windows: Windows, truth: Truth & { readonly processors?: readonly { readonly current_thread: bigint }[] }): Comparison[] {
  // The truth keeps what a thread did before it came onto a processor.
  const current = new Set(truth.processors?.map(({ current_thread }) => current_thread));
  const expected: string[] = [];
  const found: string[] = [];
  for (const process of live(truth)) {
    for (const thread of process.threads) {
      if (thread.exit_time !== undefined) continue;
      expected.push(line(process.pid, thread.tid, thread.ethread, current.has(thread.ethread) ? RUNNING : thread.state, thread.wait_reason, thread.start, thread.win32_start, thread.teb,
        thread.create_time, ...(thread.rip === undefined ? [] : [thread.rip, thread.rsp])));
    }
    const trapped = new Set(process.threads.filter(({ rip }) => rip !== undefined).map(({ ethread }) => ethread));
    for (const thread of windows.process(process.pid)?.threads() ?? []) {
      found.push(line(process.pid, thread.tid, thread.address, thread.state, thread.waitReason, thread.startAddress, thread.win32StartAddress, thread.teb,
        thread.created, ...(trapped.has(thread.address) ? [thread.instructionPointer, thread.stackPointer] : [])));
    }
  }
  return [compare('threads', expected, found)];
}

/** The primary tokens of running processes: user, session, integrity, groups, privileges. */
export function compareTokens(windows: Windows, truth: Truth): Comparison[] {
  const tokens: [string[], string[]] = [[], []];
  const groups: [string[], string[]] = [[], []];
  const privileges: [string[], string[]] = [[], []];
  for (const process of live(truth)) {
    const known = process.token;
    if (known !== undefined) {
      tokens[0].push(line(process.pid, known.token, process.user_sid, known.user, known.session, known.integrity));
      groups[0].push(...known.groups.map((sid, i) => line(process.pid, i, sid)));
      privileges[0].push(...Object.entries(known.privileges).map(([name, bits]) => line(process.pid, name, bits.enabled, bits.default)));
    }
    const token = windows.process(process.pid)?.token();
    if (token === undefined) continue;
    tokens[1].push(line(process.pid, token.address, token.userSid, token.user, token.session, token.integritySid));
    groups[1].push(...token.groups.map(({ sid }, i) => line(process.pid, i, sid)));
    privileges[1].push(...token.privileges.map(({ name, enabled, enabledByDefault }) => line(process.pid, name, enabled, enabledByDefault)));
  }
  return [compare('tokens', ...tokens), compare('token groups', ...groups), compare('token privileges', ...privileges)];
}

/** The driver objects with the module that each lies in. */
export function compareDrivers(windows: Windows, truth: Truth): Comparison[] {
  return [compare('drivers',
    truth.drivers.filter(({ driver_object }) => driver_object !== undefined)
      .map((driver) => line(driver.object_name, driver.driver_object, driver.base, driver.size, driver.linked ? driver.path : undefined)),
    windows.drivers().map((driver) => line(driver.name, driver.address, driver.start, driver.size, driver.path)))];
}
