import assert from 'node:assert/strict';
import { test } from 'node:test';
import { consoleDirectory } from '../../../../mount/tree/console.js';
import type { Directory } from '../../../../src/vfs/node.js';
import type { Windows } from '../../../../src/windows/windows.js';
import { consoleVad, ConsoleWriter, informationLayout, type ConsoleSpec } from '../../../support/consoles.js';
import { machine } from '../../../support/machine.js';
import { listed, NO_SERVICES, textAt } from './nodes.js';

const CONHOST = 0x7ff6_2000_0000n;

function windowsWith(spec: ConsoleSpec | undefined, client = 'cmd.exe'): Windows {
  const made = machine({ memory: 16 << 20 });
  made.process({ name: client, pid: 1004, ppid: 4 });
  made.process({
    name: 'conhost.exe', pid: 1008, ppid: 1004, created: 133_200_480_000_000_000n, vads: [consoleVad(made)],
    parameters: { imagePath: 'C:\\Windows\\System32\\conhost.exe', commandLine: 'conhost.exe 0x4' },
    modules: [{ base: CONHOST, pages: 0x80, name: 'conhost.exe', path: 'C:\\Windows\\System32\\conhost.exe' }],
  });
  made.process({ name: 'notepad.exe', pid: 1012, ppid: 4 });
  if (spec !== undefined) new ConsoleWriter(made, 1008).contained(spec, informationLayout('19041'), CONHOST + 0x4_0000n);
  return made.open();
}

function directoryOf(windows: Windows, pid: number): Directory | undefined {
  const process = windows.process(pid);
  assert.ok(process !== undefined);
  return consoleDirectory(process, { ...NO_SERVICES, tree: { windows, at: () => undefined } });
}

const SPEC: ConsoleSpec = {
  title: 'Administrator\u001b[2J: cmd', originalTitle: 'cmd.exe',
  processes: [{ pid: 1004, handle: 0x54 }],
  histories: [{ application: 'cmd.exe', commands: ['whoami', '=cmd|calc', 'del\u001b[31m\nx', 'cls'], removed: 1, process: { pid: 1004, handle: 0x54 } }],
  aliases: [{ program: 'cmd.exe', source: 'ls', target: 'dir $*' }],
  rows: ['Microsoft Windows', '', `${'C:\\>echo '.padEnd(80, 'x')}\\`, 'end', 'bell\u0007'], first: 11,
};

test('console/ of a program is its conhost.exe\'s, and others have none', () => {
  const windows = windowsWith(SPEC);
  const [shell, host] = [directoryOf(windows, 1004), directoryOf(windows, 1008)];
  assert.ok(shell !== undefined && host !== undefined);
  assert.equal(directoryOf(windows, 1012), undefined);
  assert.equal(directoryOf(windows, 4), undefined);
  assert.deepEqual(listed(shell), ['aliases.txt', 'console.txt', 'history.txt', 'info.txt']);
  for (const name of ['aliases.txt', 'console.txt', 'history.txt', 'console.csv', 'history.jsonl']) assert.equal(textAt(shell, name), textAt(host, name));
});

test('console.txt is the screen, lines that wrap put together, and nothing in it can act', () => {
  const shell = directoryOf(windowsWith(SPEC), 1004)!;
  assert.equal(textAt(shell, 'console.txt'), `Microsoft Windows\n\n${'C:\\>echo '.padEnd(80, 'x')}end\nbell\\x07\n`);
  const [heading, first, , wrapped] = textAt(shell, 'console.csv')!.split('\n');
  assert.equal(heading, 'HostPID,Screen,Row,Wrapped,Ordered,Address,Text,Source');
  assert.match(first!, /^1008,0,0,0,1,0x[0-9a-f]+,Microsoft Windows,"rows that name themselves, by the layout of 17763"$/);
  assert.match(wrapped!, /^1008,0,2,1,1,/);
  assert.equal(textAt(shell, 'console.jsonl')!.trimEnd().split('\n').length, 5);
});

test('history.txt says what was typed to whom, and what was given up', () => {
  const shell = directoryOf(windowsWith(SPEC), 1004)!;
  const rows = textAt(shell, 'history.txt')!.trimEnd().split('\n');
  assert.match(rows[2]!, /^0000 {4}1008 {4}1004 cmd\.exe +0 kept {5}whoami/);
  assert.match(rows[4]!, /del\\x1b\[31m\\x0ax/);
  assert.match(rows[5]!, /3 removed {2}cls/);
  const csv = textAt(shell, 'history.csv')!.split('\n');
  assert.equal(csv[0], 'HostPID,PID,Application,Number,State,InUse,Address,History,Command,Source');
  assert.ok(csv[2]!.includes('\'=cmd|calc'));
  assert.match(csv[1]!, /on the list of its console$/);
});

test('aliases and info.txt name how everything was found', () => {
  const shell = directoryOf(windowsWith(SPEC), 1004)!;
  assert.match(textAt(shell, 'aliases.txt')!, /cmd\.exe +ls +dir \$\*/);
  const info = textAt(shell, 'info.txt')!;
  assert.match(info, /^Host: +1008 conhost\.exe \(it is this process's child\)$/m);
  assert.match(info, /found by the list that its histories are on, by the layout of 19041$/m);
  assert.match(info, /^Title: +Administrator\\x1b\[2J: cmd$/m);
  assert.match(info, /^Process: +1004 \(handle 54 of the host\)$/m);
  assert.match(info, /^History: .*cmd\.exe, process 1004, 3 commands, in use$/m);
  assert.match(info, /^Screen: .* 25 rows, found by rows that name themselves, by the layout of 17763; rows from the top$/m);
});

test('where nothing is found, that is said', () => {
  const host = directoryOf(windowsWith(undefined, 'powershell.exe'), 1004)!;
  assert.equal(textAt(host, 'console.txt'), '');
  const info = textAt(host, 'info.txt')!;
  assert.match(info, /^Console 0: +its own record was not found$/m);
  assert.match(info, /^History: +none found$/m);
  assert.match(info, /^Screen: +none found$/m);
  assert.match(info, /PSReadLine/);
});
