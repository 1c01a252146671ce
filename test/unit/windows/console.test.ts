import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { consoleHost, HostConsoles, type Console } from '../../../src/windows/console.js';
import { CLASSIC_LAYOUTS, layoutOf } from '../../../src/windows/console-layouts.js';
import type { Process } from '../../../src/windows/process.js';
import type { Windows } from '../../../src/windows/windows.js';
import { consoleVad, ConsoleWriter, informationLayout, type ConsoleSpec } from '../../support/consoles.js';
import { direct } from '../../support/direct.js';
import { familyProfile } from '../../support/families.js';
import { isfFile } from '../../support/isf-json.js';
import { machine, profileOf, type Machine } from '../../support/machine.js';
import { UNKNOWN_SYMBOLS } from '../../support/standard.js';
import type { ModeName } from '../../support/table-rules.js';

const [SHELL, HOST] = [1004, 1008] as const;
const CONHOST = 0x7ff6_2000_0000n;
const DATA = CONHOST + 0x4_0000n;
const GUID = '0123456789ABCDEF0123456789ABCDEF';
const CODE_VIEW = { rva: 0x2800, symbolFile: `${GUID}-1`, path: 'conhost.pdb' };

const root = mkdtempSync(join(tmpdir(), 'memlens-console-'));
after(() => rmSync(root, { recursive: true, force: true }));

const SPEC: ConsoleSpec = {
  title: 'Administrator: C:\\Windows\\system32\\cmd.exe', originalTitle: 'cmd', first: 20,
  processes: [{ pid: SHELL, handle: 0x54 }],
  histories: [
    { application: 'cmd.exe', commands: ['whoami /all', 'dir', 'net user evil P@ss /add', 'exit'], removed: 1, process: { pid: SHELL, handle: 0x54 } },
    { application: 'powershell.exe', commands: [] },
  ],
  aliases: [{ program: 'cmd.exe', source: 'ls', target: 'dir /w $*' }, { program: 'cmd.exe', source: 'np', target: 'notepad.exe' }],
  rows: ['Microsoft Windows', '', `${'C:\\>echo'.padEnd(80, 'x')}\\`, 'and the rest', 'last'],
};

function withHost(profile: number | ReturnType<typeof profileOf>, mode: ModeName = 'x64', host = 'conhost.exe'): { made: Machine; writer: ConsoleWriter } {
  const made = machine({ profile, mode, memory: 16 << 20, ...(typeof profile === 'number' ? {} : { symbolFile: UNKNOWN_SYMBOLS, exports: 'as Windows' as const }) });
  const base = made.kernel.profile.pointerSize === 8 ? CONHOST : 0x0100_0000n;
  made.process({ name: 'cmd.exe', pid: SHELL, ppid: 4 });
  made.process({
    name: host, pid: HOST, ppid: SHELL, created: 133_200_480_000_000_000n, vads: [consoleVad(made)], parameters: { imagePath: `C:\\Windows\\System32\\${host}`, commandLine: host },
    modules: [{ base, pages: 0x80, name: host, path: `C:\\Windows\\System32\\${host}`, pe: { codeView: CODE_VIEW } }], handles: [{ pid: SHELL, value: 0x54 }],
  });
  return { made, writer: new ConsoleWriter(made, HOST) };
}

function consoles(windows: Windows, pid: number = HOST): readonly Console[] {
  const process = windows.process(pid);
  assert.ok(process !== undefined);
  const found = consoleHost(process, windows.processes());
  return found === undefined ? [] : HostConsoles.of(found.host).of(process);
}

function only(windows: Windows): Console {
  const [one, ...others] = consoles(windows);
  assert.ok(one !== undefined);
  assert.equal(others.length, 0);
  return one;
}

const lines = (one: Console, most = 5): (string | undefined)[] => (one.screens[0]?.rows ?? []).slice(0, most).map(({ text }) => text);
const typed = (one: Console): string[][] => one.histories.map(({ application, commands }) =>
  [application ?? '?', ...commands.map(({ text, removed }) => `${text ?? '?'}${removed ? ' (removed)' : ''}`)]);
const SHOWN = ['Microsoft Windows', '', 'C:\\>echo'.padEnd(80, 'x'), 'and the rest', 'last'];
const TYPED = [['cmd.exe', 'whoami /all', 'dir', 'net user evil P@ss /add', 'exit (removed)'], ['powershell.exe']];

for (const [name, build] of [['17763', 17763], ['18362', 18362], ['19041', 19041], ['20348', 20348], ['20348.1970', 20348], ['20348.2461', 20348], ['22000', 22000], ['22621', 22621], ['22621.3527', 22621]] as const) {
  test(`layout ${name}: titles, programs, aliases, what was typed and the screen are read back`, () => {
    const { made, writer } = withHost(familyProfileOr(build));
    const written = writer.contained(SPEC, informationLayout(name), DATA);
    const windows = direct(made);
    const one = only(windows);
    assert.equal(one.information?.address, written.information);
    assert.equal(one.information.source, `by the list that its histories are on, by the layout of ${name}`);
    assert.deepEqual([one.information.title, one.information.originalTitle, one.information.historySize, one.information.historyMax], [SPEC.title, SPEC.originalTitle, 50, 4]);
    assert.deepEqual(one.information.processes, SPEC.processes);
    assert.deepEqual(one.information.aliases, ['17763', '20348.1970'].includes(name) ? undefined : SPEC.aliases);
    assert.equal(one.information.activeScreen, written.screen);
    assert.deepEqual(typed(one), TYPED);
    assert.deepEqual(one.histories.map(({ address, pid, inUse, most }) => [address, pid, inUse, most]), [[written.histories[0], SHELL, true, 50], [written.histories[1], undefined, false, 50]]);
    assert.deepEqual(lines(one), SHOWN);
    assert.deepEqual(one.screens.map(({ ordered, address, rows }) => [ordered, address, rows.length]), [[true, written.screen, 25]]);
    assert.deepEqual(one.screens[0]?.rows.map(({ address }) => address), written.rows);
    assert.deepEqual(one.screens[0]?.rows.slice(0, 5).map(({ wrapped }) => wrapped), [false, false, true, false, false]);
    assert.deepEqual(windows.anomalies.list, []);
  });
}

/** The bundled kernel of a build, else its layouts. */
function familyProfileOr(build: number): ReturnType<typeof profileOf> {
  try {
    return profileOf(build);
  } catch {
    return familyProfile(build, 'x64');
  }
}

for (const [build, mode, host] of [
  [2600, 'x86', 'csrss.exe'], [3790, 'x64', 'csrss.exe'], [6002, 'x86', 'csrss.exe'], [6002, 'x64', 'csrss.exe'], [7601, 'x86-pae', 'conhost.exe'], [7601, 'x64', 'conhost.exe'], [9600, 'x64', 'conhost.exe'],
] as const) {
  test(`build ${build} ${mode}: the console in ${host} is read back, its ring of commands from the oldest on`, () => {
    const { made, writer } = withHost(familyProfile(build, mode), mode, host);
    const layout = layoutOf(CLASSIC_LAYOUTS, build, made.kernel.profile.pointerSize);
    assert.ok(layout !== undefined);
    const histories = (SPEC.histories ?? []).map((history) => ({ ...history, first: history.commands.length === 0 ? 0 : 48 }));
    const rows = ['Microsoft Windows', '', 'C:\\>', 'and the rest', 'last'];
    const written = writer.classic({ ...SPEC, histories, rows }, layout);
    const windows = direct(made);
    const one = only(windows);
    assert.equal(one.information?.address, written.information);
    assert.deepEqual([one.information.title, one.information.originalTitle], [SPEC.title, SPEC.originalTitle]);
    assert.deepEqual(one.information.processes, SPEC.processes);
    assert.deepEqual(one.information.aliases, SPEC.aliases);
    assert.deepEqual(typed(one), TYPED);
    assert.deepEqual(one.histories.map(({ address, pid, inUse }) => [address, pid, inUse]), [[written.histories[0], SHELL, true], [written.histories[1], undefined, false]]);
    assert.deepEqual(lines(one), rows);
    assert.deepEqual(windows.anomalies.list.filter(({ where }) => where.includes('console')), []);
  });
}

for (const [build, mode] of [[10_240, 'x64'], [10_240, 'x86-pae'], [14_393, 'x64'], [14_393, 'x86-pae'], [15_063, 'x86-pae'], [17_134, 'x64'], [17_134, 'x86-pae'], [17_763, 'x86-pae'], [22_631, 'x64'], [26_100, 'x64']] as const) {
  test(`build ${build} ${mode}: the screen is found by its rows alone`, () => {
    const { made, writer } = withHost(familyProfile(build, mode), mode);
    const rows = build < 17_763 ? SPEC.rows?.map((row) => row.replace(/\\$/, '')) ?? [] : SPEC.rows ?? [];
    const written = writer.screen({ ...SPEC, rows, first: 0 });
    const windows = direct(made);
    const one = only(windows);
    assert.equal(one.information, undefined);
    assert.deepEqual(one.screens.map((screen) => screen.rows.length), [25]);
    assert.deepEqual(lines(one), SHOWN);
    assert.deepEqual(one.screens[0]?.rows.map(({ address }) => address), written.rows);
  });
}

for (const [build, mode] of [[17_763, 'x86-pae'], [26_100, 'x64']] as const) {
  test(`build ${build} ${mode}: histories are found though nothing is known of the console`, () => {
    const { made, writer } = withHost(familyProfile(build, mode), mode);
    writer.histories(SPEC);
    assert.deepEqual(typed(only(direct(made))), TYPED);
  });
}

test('the figures that are published for 19041, written by hand, are read', () => {
  const { made, writer } = withHost(19041);
  const { space } = writer;
  const [sentinel, node, commands, title] = [0x1c5_9008_0000n, 0x1c5_9008_0100n, 0x1c5_9008_0200n, 0x1c5_9008_0300n];
  space.setPointer(DATA - 0x160n, sentinel);
  space.setU64(DATA - 0x158n, 1n);
  writer.ring(sentinel, [node]);
  space.setPointer(node + 0x10n, commands);
  space.setPointer(node + 0x18n, commands + 0x20n);
  space.setPointer(node + 0x20n, commands + 0x20n);
  space.setU32(node + 0x28n, 99);
  space.write(node + 0x30n, Buffer.from('a.exe\0\0\0', 'utf16le'));
  space.setU64(node + 0x40n, 5n);
  space.setU64(node + 0x48n, 7n);
  space.setU32(node + 0x5cn, 0xffff_ffff);
  space.write(commands, Buffer.from('ver\0\0\0\0\0', 'utf16le'));
  space.setU64(commands + 0x10n, 3n);
  space.setU64(commands + 0x18n, 7n);
  space.setU32(DATA + 0x90n, 99);
  space.setU32(DATA + 0x94n, 6);
  writer.list(DATA + 0x558n, []);
  space.setPointer(DATA + 0x698n, title);
  space.write(title, Buffer.from('by hand\0', 'utf16le'));
  const one = only(direct(made));
  assert.deepEqual([one.information?.historySize, one.information?.historyMax, one.information?.title], [99, 6, 'by hand']);
  assert.deepEqual(typed(one), [['a.exe', 'ver']]);
});

test('a program\'s console is that of its conhost.exe, by the kernel and else by the child', () => {
  const { made, writer } = withHost(19041);
  writer.contained(SPEC, informationLayout('19041'), DATA);
  made.process({ name: 'notepad.exe', pid: 1012, ppid: 4 }).process({ name: 'tool.exe', pid: 1016, ppid: SHELL });
  made.built(1016).view.set('OwnerProcessId', HOST | 1);
  made.built(1012).view.set('OwnerProcessId', SHELL);
  const windows = direct(made);
  const source = (pid: number): string | undefined => consoleHost(windows.process(pid)!, windows.processes())?.source;
  assert.deepEqual([SHELL, HOST, 1012, 1016].map(source), ['parent', 'itself', undefined, 'kernel']);
  assert.deepEqual(typed(consoles(windows, 1016)[0]!), TYPED);
  assert.equal(consoles(windows, 1016)[0], consoles(windows, SHELL)[0]);
});

test('a conhost.exe that is older than the process with its parent\'s PID is not that process\'s', () => {
  const { made } = withHost(19041);
  made.process({ name: 'late.exe', pid: 1020, ppid: 4, created: 133_200_490_000_000_000n });
  made.built(HOST).view.set('InheritedFromUniqueProcessId', 1020);
  const windows = direct(made);
  assert.equal(consoleHost(windows.process(1020)!, windows.processes()), undefined);
});

test('7: the kernel says which conhost.exe', () => {
  const { made } = withHost(7601);
  made.built(SHELL).view.set('ConsoleHostProcess', HOST);
  const windows = direct(made);
  assert.equal(consoleHost(windows.process(SHELL)!, windows.processes())?.source, 'kernel');
});

test('a process of XP sees the consoles of its csrss.exe that name it, and others none', () => {
  const { made, writer } = withHost(familyProfile(2600, 'x86'), 'x86', 'csrss.exe');
  const layout = layoutOf(CLASSIC_LAYOUTS, 2600, 4);
  assert.ok(layout !== undefined);
  writer.classic(SPEC, layout);
  writer.classic({ histories: [{ application: 'ftp.exe', commands: ['open'], process: { pid: 4, handle: 0x58 } }] }, layout);
  const windows = direct(made);
  assert.deepEqual(consoles(windows).map(({ histories }) => histories[0]?.application), ['cmd.exe', 'ftp.exe']);
  const of = (process: Process): (string | undefined)[] => HostConsoles.of(windows.process(HOST)!).of(process).map(({ histories }) => histories[0]?.application);
  assert.deepEqual(of(windows.process(SHELL)!), ['cmd.exe']);
  assert.deepEqual(of(windows.process(4)!), []);
});

test('commands and rows whose pages are missing are said to be, not blank', () => {
  const { made, writer } = withHost(19041);
  for (let i = 0; i < 3; i += 1) writer.alloc(0x8000);
  const written = writer.contained(SPEC, informationLayout('19041'), DATA);
  const { space } = writer;
  const row = written.rows[3]!;
  space.setPointer(row + 8n, 0x1c5_a000_0000n);
  const commands = space.pointer(written.histories[0]! + 0x10n);
  space.setPointer(commands, 0x1c5_a000_0000n);
  const one = only(direct(made));
  assert.equal(one.histories[0]?.commands[0]?.text, undefined);
  assert.equal(one.histories[0]?.commands[1]?.text, 'dir');
  assert.equal(one.screens[0]?.rows[3]?.text, undefined);
  assert.equal(one.screens[0]?.rows[4]?.text, 'last');
});

test('lists that never close, counts that lie and lengths without end are not believed, and nothing hangs', () => {
  const { made, writer } = withHost(19041);
  const layout = informationLayout('19041');
  const written = writer.contained(SPEC, layout, DATA);
  const { space } = writer;
  const [first, second] = written.histories as [bigint, bigint];
  // Each leads to the other, past the head.
  writer.ring(first, [second]);
  space.setU64(DATA + BigInt(layout.histories + 8), 0xffff_ffffn);
  const one = only(direct(made));
  assert.equal(one.information, undefined);
  assert.deepEqual(typed(one), TYPED);
  space.setU64(first + 0x18n, space.pointer(first + 0x10n) + 0x1_0000_0000n);
  space.setU64(first + 0x20n, space.pointer(first + 0x10n) + 0x1_0000_0000n);
  assert.deepEqual(typed(only(direct(made))), [['powershell.exe']]);
});

test('process lists that lead in a circle are anomalies and the console is not taken', () => {
  const { made, writer } = withHost(19041);
  const layout = informationLayout('19041');
  writer.contained({ ...SPEC, processes: [{ pid: SHELL, handle: 4 }, { pid: HOST, handle: 8 }] }, layout, DATA);
  const { space } = writer;
  const sentinel = space.pointer(DATA + BigInt(layout.processes));
  const node = space.pointer(sentinel);
  space.setPointer(space.pointer(node), node);
  const windows = direct(made);
  assert.equal(only(windows).information, undefined);
  assert.ok(windows.anomalies.list.some(({ where, what }) => where.includes('conhost.exe console') && what.includes('already visited')));
});

test('noise and rows that all name one another give no screen and no history', () => {
  const { made, writer } = withHost(22000);
  const { space } = writer;
  const noise = Buffer.alloc(0x4_0000);
  for (let i = 0, state = 7; i < noise.length; i += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    noise[i] = state >>> 24;
  }
  space.write(writer.alloc(noise.length), noise);
  const one = only(direct(made));
  assert.deepEqual([one.histories.length, one.screens.length, one.information], [0, 0, undefined]);
});

test('more rows than any screen has are cut, and thousands that are all one row\'s text are read', () => {
  const { made, writer } = withHost(19041);
  const [count, size] = [40_000, 0x60];
  const rows = Buffer.alloc(count * size);
  const [at, text, buffer] = [writer.alloc(rows.length), writer.text('a\0'), writer.alloc(0x100)];
  for (let i = 0; i < count; i += 1) {
    rows.writeBigUInt64LE(text, i * size + 0x8);
    rows.writeBigUInt64LE(at + BigInt(i * size), i * size + 0x20);
    rows.writeUInt16LE(1, i * size + 0x40);
    rows.writeUInt16LE(i % 0x8000, i * size + 0x48);
    rows.writeBigUInt64LE(buffer, i * size + 0x58);
  }
  writer.space.write(at, rows);
  const one = only(direct(made));
  assert.equal(one.screens[0]?.rows.length, 0x7fff);
  assert.equal(one.screens[0]?.rows[0x7ffe]?.text, 'a');
});

test('halves of wide characters are shown once, cells that nobody wrote as blanks', () => {
  const { made, writer } = withHost(19041);
  const written = writer.contained({ ...SPEC, first: 0, rows: ['xxABC'] }, informationLayout('19041'), DATA);
  const { space } = writer;
  const cells = space.pointer(written.rows[0]! + 8n);
  space.write(cells, Buffer.from([0x2d, 0x4e, 1, 0x2d, 0x4e, 2, 0, 0, 0]));
  assert.equal(only(direct(made)).screens[0]?.rows[0]?.text, '中 BC');
});

test('7: a console without any history is found by the symbol gConsoleInformation, which is a pointer to it', () => {
  const { made, writer } = withHost(7601);
  const layout = layoutOf(CLASSIC_LAYOUTS, 7601, 8);
  assert.ok(layout !== undefined);
  const written = writer.classic({ title: 'quiet', rows: ['C:\\>'] }, layout);
  writer.space.setPointer(DATA, written.information);
  writeFileSync(join(root, 'conhost.json'), isfFile({
    symbols: { gConsoleInformation: { address: Number(DATA - CONHOST) } },
    metadata: { windows: { pdb: { GUID, age: 1, database: CODE_VIEW.path, machine_type: 34404 } } },
  }));
  assert.deepEqual(only(made.open()).information, undefined);
  const one = only(made.open({ symbolFolders: [root] }));
  assert.equal(one.information?.title, 'quiet');
  assert.equal(one.information.source, 'by the symbol gConsoleInformation, by the layout of Windows 7');
  assert.deepEqual(lines(one, 1), ['C:\\>']);
});

test('classic lists that loop, screens that name themselves and sizes that lie end, and what holds together is still read', () => {
  const { made, writer } = withHost(familyProfile(7601, 'x64'), 'x64');
  const layout = layoutOf(CLASSIC_LAYOUTS, 7601, 8);
  assert.ok(layout !== undefined);
  const written = writer.classic(SPEC, layout);
  const { space } = writer;
  const at = (offset: number): bigint => written.information + BigInt(offset);
  // Aliases: the first leads to itself. Screens: each is its own next.
  const alias = space.pointer(at(layout.information.aliases));
  space.setPointer(alias, alias);
  space.setPointer(written.screen + BigInt(layout.screen.next), written.screen);
  const windows = direct(made);
  const one = only(windows);
  assert.equal(one.information?.aliases, undefined);
  assert.equal(one.screens.length, 1);
  assert.deepEqual(typed(one), TYPED);
  assert.ok(windows.anomalies.list.some(({ what }) => what.includes('already visited')));
  space.write(written.screen + BigInt(layout.screen.width), Buffer.from([0xff, 0xff, 0xff, 0xff]));
  assert.equal(only(direct(made)).screens.length, 0);
  // More lines than the ring holds: no history any more.
  space.write(written.histories[0]! + BigInt(layout.history.count), Buffer.from([0xff, 0x7f]));
  assert.deepEqual(consoles(direct(made)).flatMap(typed), [['powershell.exe']]);
});

test('a text that says it is longer than any, or lies nowhere, leaves its command without one', () => {
  const { made, writer } = withHost(19041);
  const written = writer.contained(SPEC, informationLayout('19041'), DATA);
  const { space } = writer;
  const commands = space.pointer(written.histories[0]! + 0x10n);
  space.setU64(commands + 0x10n, 0xffff_ffff_ffffn);
  space.setU64(commands + 0x18n, 0xffff_ffff_ffffn);
  space.setPointer(commands + 0x40n, 0xffff_f801_0000_0000n);
  const one = only(direct(made));
  assert.deepEqual(one.histories[0]?.commands.map(({ text }) => text), [undefined, 'dir', undefined, 'exit']);
});

test('a thousand histories that all name the same long lines end, and that not all was read is said', () => {
  const { made, writer } = withHost(familyProfile(26_100, 'x64'));
  const { space } = writer;
  const line = writer.text('x'.repeat(0x7fff));
  const commands = writer.alloc(50 * 0x20);
  for (let i = 0; i < 50; i += 1) {
    space.setPointer(commands + BigInt(i * 0x20), line);
    space.setU64(commands + BigInt(i * 0x20 + 0x10), 0x7fffn);
    space.setU64(commands + BigInt(i * 0x20 + 0x18), 0x7fffn);
  }
  const histories = writer.histories({ histories: Array.from({ length: 1000 }, () => ({ application: 'a.exe', commands: [] })) });
  for (const history of histories) [0n, 0x640n, 0x640n].forEach((end, i) => { space.setPointer(history + BigInt(0x10 + i * 8), commands + end); });
  const windows = direct(made);
  const one = only(windows);
  assert.equal(one.histories.length, 1000);
  assert.equal(one.histories[0]?.commands[49]?.text?.length, 0x7fff);
  assert.ok(one.histories.at(-1)?.commands[0]?.text === undefined);
  assert.ok(windows.anomalies.list.some(({ what }) => what === 'stopped after 96 MiB of texts and lists'));
});
