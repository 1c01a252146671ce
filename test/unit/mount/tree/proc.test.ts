import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isStandardPath, procDirectory, processTree } from '../../../../mount/tree/proc.js';
import { machine } from '../../../support/machine.js';
import { BOOT, type ProcessSpec } from '../../../support/processes.js';
import { textAt } from './nodes.js';

const SECOND = 10_000_000n;
const at = (seconds: number): bigint => BOOT + BigInt(seconds) * SECOND;

function tree(...specs: ProcessSpec[]): string[] {
  const made = machine();
  for (const spec of specs) made.process(spec);
  return processTree(made.open().processes()).map(({ process, depth }) => `${'-'.repeat(depth)} ${process.pid}`);
}

test('children stand below their parent, by PID', () => {
  assert.deepEqual(tree(
    { name: 'c', pid: 48, ppid: 20, created: at(9) }, { name: 'a', pid: 20, ppid: 4, created: at(1) }, { name: 'b', pid: 40, ppid: 20, created: at(5) },
    { name: 'd', pid: 60, ppid: 996, created: at(6) },
  ), ['- 4', '-- 20', '--- 40', '--- 48', '- 60']);
});

test('a process that began after its child is not its parent', () => {
  assert.deepEqual(tree({ name: 'child', pid: 20, ppid: 40, created: at(1) }, { name: 'reused', pid: 40, ppid: 4, created: at(5) }), ['- 4', '-- 40', '- 20']);
});

test('processes that name each other as parents, or themselves, are all listed', () => {
  assert.deepEqual(tree(
    { name: 'a', pid: 20, ppid: 40, created: at(1) }, { name: 'b', pid: 40, ppid: 20, created: at(1) }, { name: 'self', pid: 60, ppid: 60, created: at(1) },
  ), ['- 4', '- 20', '-- 40', '- 60']);
});

const windows = () => machine()
  .process({ name: 'smss.exe', pid: 532, created: at(2), kernelPath: '\\Device\\HarddiskVolume3\\Windows\\System32\\smss.exe' })
  .process({
    name: 'tool.exe', pid: 700, ppid: 532, created: at(3), kernelPath: '\\Device\\HarddiskVolume3\\Tools\\tool.exe',
    parameters: { imagePath: 'C:\\Tools\\tool.exe', commandLine: 'tool "=1+1"' },
  })
  .process({ name: 'gone.exe', pid: 800, ppid: 700, created: at(4), exited: at(60), kernelPath: '\\Device\\HarddiskVolume3\\Windows\\System32\\gone.exe' })
  .unlink(700).open();

test('the tree shows indentation, parents, flags and times in lines of one length', () => {
  const lines = (textAt(procDirectory(windows()), 'proc.txt') ?? '').split('\n').slice(0, -1);
  assert.deepEqual(lines.map((line) => line.length), lines.map(() => 114));
  assert.equal(lines[0]?.trimEnd(), '  Process                      Pid Parent   Flag User             Create Time              Exit Time');
  assert.equal(lines[1], '-'.repeat(114));
  assert.deepEqual(lines.slice(2).map((line) => line.slice(0, 50).trimEnd()), [
    '- System                         4      0',
    '-- smss.exe                    532      4',
    '--- tool.exe                   700    532   E  *',
    '---- gone.exe                  800    700    T',
  ]);
  assert.match(lines[5] ?? '', / \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/);
});

test('the verbose form adds paths and command line, and the list by time the full name', () => {
  const proc = procDirectory(windows());
  const verbose = textAt(proc, 'proc-v.txt') ?? '';
  assert.ok(verbose.includes(`${' '.repeat(66)}C:\\Tools\\tool.exe\n${' '.repeat(66)}tool "=1+1"\n`));
  const byTime = (textAt(proc, 'proc-time.txt') ?? '').split('\n').slice(2, -1);
  assert.deepEqual(byTime.map((line) => line.slice(0, 16).trim()), ['System', 'smss.exe', 'tool.exe', 'gone.exe']);
  assert.ok(byTime.every((line) => line.length === 139));
});

test('all three files have the processes as CSV and JSON lines', () => {
  const proc = procDirectory(windows());
  const csv = textAt(proc, 'proc.csv') ?? '';
  assert.equal(csv.split('\n')[0], 'PID,PPID,State,ShortName,Name,IntegrityLevel,User,CreateTime,ExitTime,Wow64,EPROCESS,PEB,PEB32,DTB,UserDTB,UserPath,KernelPath,CommandLine,Flag');
  assert.equal(textAt(proc, 'proc-v.csv'), csv);
  const rows = (textAt(proc, 'proc-time.jsonl') ?? '').trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(rows.map((row) => [row['pid'], row['flag'], row['command_line'], row['sources']]), [
    [4, '-', undefined, 'list,cid'], [532, '-', undefined, 'list,cid'], [700, 'E', 'tool "=1+1"', 'cid'], [800, 'T', undefined, 'list'],
  ]);
});

test('standard paths are those of Windows itself', () => {
  for (const path of ['System', '\\Device\\HarddiskVolume3\\Windows\\System32\\svchost.exe', '\\Device\\HarddiskVolume1\\WINDOWS\\explorer.exe', '\\Device\\X\\Windows\\SysWOW64\\cmd.exe']) {
    assert.ok(isStandardPath(path), path);
  }
  for (const path of ['\\Device\\HarddiskVolume3\\Windows\\Temp\\svchost.exe', '\\Device\\HarddiskVolume3\\Users\\a\\Windows\\System32\\svchost.exe', '\\Device\\HarddiskVolume3\\Windows\\evil\\explorer.exe']) {
    assert.ok(!isStandardPath(path), path);
  }
});
