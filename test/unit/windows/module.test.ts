import assert from 'node:assert/strict';
import { test } from 'node:test';
import { moduleLabel, type Module } from '../../../src/windows/module.js';
import type { Windows } from '../../../src/windows/windows.js';
import { FAMILIES, machine, type Machine } from '../../support/machine.js';
import { peImage } from '../../support/pe-image.js';
import { PEB_ADDRESS, type ModuleSpec } from '../../support/user-memory.js';
import type { VadSpec } from '../../support/vads.js';

const PID = 1004;
const LOADED = 133_200_470_000_000_000n;
const MAIN: ModuleSpec = { base: 0x7ff6_1000_0000n, pages: 8, name: 'a.exe', path: 'C:\\Tools\\a.exe', loaded: LOADED };
const NTDLL: ModuleSpec = { base: 0x7ffb_2000_0000n, pages: 16, name: 'ntdll.dll', path: 'C:\\Windows\\System32\\ntdll.dll', loaded: LOADED };
const OTHER: ModuleSpec = { base: 0x7ffb_1000_0000n, pages: 4, name: 'other.dll', path: 'C:\\Tools\\other.dll', loaded: LOADED };

function loaded(profile: number, modules: readonly ModuleSpec[] = [MAIN, NTDLL, OTHER], vads: readonly VadSpec[] = []): Machine {
  return machine({ profile }).process({
    name: 'a.exe', pid: PID, modules, vads, parameters: { imagePath: MAIN.path, commandLine: 'a' },
  });
}

const modulesOf = (windows: Windows): readonly Module[] => windows.process(PID)?.modules() ?? [];
const names = (windows: Windows): string[] => modulesOf(windows).map(({ name, kind }) => (kind === 'ldr' ? name : `${kind} ${name}`));

for (const build of FAMILIES) {
  test(`build ${build}: the loader's modules are read in load order, with their files`, () => {
    const windows = loaded(build).open();
    assert.deepEqual(modulesOf(windows).map(({ kind, base, size, entry, name, path, kernelPath, wow64, loaded: time }) =>
      ({ kind, base, size, entry, name, path, kernelPath, wow64, time })), [MAIN, NTDLL, OTHER].map(({ base, pages, name, path }) => ({
      kind: 'ldr', base, size: pages * 4096, entry: base + 0x1000n, name, path, kernelPath: path.slice(2), wow64: false, time: LOADED,
    })));
    assert.deepEqual(windows.anomalies.list, []);
  });

  test(`build ${build}: the kernel's modules are read in their order`, () => {
    const windows = machine({ profile: build }).driver({ name: 'CLFS.SYS', path: '\\SystemRoot\\System32\\drivers\\CLFS.SYS', base: 0xffff_f801_5000_0000n, pages: 9 }).open();
    assert.deepEqual(windows.process(4)?.modules().map(({ name, kind, loaded: time }) => [name, kind, time]), [
      ['ntoskrnl.exe', 'ldr', undefined], ['CLFS.SYS', 'ldr', undefined],
    ]);
  });
}

test('an image that no list names is not linked, and named by its file', () => {
  assert.deepEqual(names(loaded(19041, [MAIN, NTDLL, { ...OTHER, linked: false }]).open()), ['a.exe', 'ntdll.dll', 'not-linked other.dll']);
});

test('an image of which no page is executable is data', () => {
  const bytes = peImage({ sizeOfImage: 0x3000 })[0]?.bytes ?? Buffer.alloc(0);
  const resources: VadSpec = { start: 0x20_0000_0000n, pages: 3, protection: 1, type: 2, file: '\\Windows\\System32\\imageres.dll', bytes };
  assert.deepEqual(names(loaded(19041, [MAIN], [resources]).open()), ['a.exe', 'data imageres.dll']);
});

test('a PE header in executable private memory is injected, and named by its exports', () => {
  const bytes = Buffer.alloc(0x3000);
  for (const piece of peImage({ sizeOfImage: 0x3000, exports: { rva: 0x2000, name: 'inject.dll', functions: { Run: 0x1000 } } })) bytes.set(piece.bytes, piece.rva);
  const where = { start: 0x30_0000_0000n, pages: 4 };
  const found = modulesOf(loaded(19041, [MAIN], [{ ...where, protection: 6, bytes }]).open())[1];
  assert.deepEqual([found?.kind, found?.name, found?.base, found?.size, found?.path], ['injected', 'inject.dll', where.start, 0x3000, '']);
  assert.deepEqual(names(loaded(19041, [MAIN], [{ ...where, protection: 4, bytes }]).open()), ['a.exe'], 'not executable: no module');
  assert.deepEqual(names(loaded(19041, [MAIN], [{ ...where, protection: 6, bytes: Buffer.alloc(0x1000, 0x90) }]).open()), ['a.exe'], 'no header: no module');
});

/** Address of a module's loader entry. */
function entryOf(made: Machine, base: bigint): bigint {
  const entry = modulesOf(made.open()).find((module) => module.base === base)?.ldrEntry;
  assert.ok(entry !== undefined);
  return entry;
}

test('a list that leads back into itself ends, says so, and loses nothing', () => {
  const made = loaded(19041);
  const { space } = made.built(PID);
  const entry = entryOf(made, NTDLL.base);
  space.setU64(entry, entry);
  const windows = made.open();
  assert.deepEqual(names(windows).sort(), ['a.exe', 'ntdll.dll', 'other.dll']);
  assert.ok(windows.anomalies.list.some(({ where, what }) => where.includes('load order') && what.includes('already visited')));
});

test('a list that is broken forward is followed backward', () => {
  const made = loaded(19041);
  const { space } = made.built(PID);
  const entries = [MAIN, NTDLL].map(({ base }) => entryOf(made, base));
  const view = made.view('_LDR_DATA_TABLE_ENTRY', entries[0] ?? 0n, space);
  for (const links of ['InLoadOrderLinks', 'InMemoryOrderLinks', 'InInitializationOrderLinks']) space.setU64(view.at(links), 0x6666_0000n);
  const windows = made.open();
  assert.deepEqual(names(windows).sort(), ['a.exe', 'ntdll.dll', 'other.dll']);
  assert.ok(windows.anomalies.list.some(({ what }) => what === 'a node cannot be read'));
});

test('an entry without a plausible base or size is passed over, its links are followed', () => {
  const made = loaded(19041);
  made.lie('_LDR_DATA_TABLE_ENTRY', entryOf(made, NTDLL.base), 'SizeOfImage', 0, made.built(PID).space);
  assert.deepEqual(names(made.open()), ['a.exe', 'other.dll', 'not-linked ntdll.dll']);
});

test('wiped loader data leaves what the VADs know', () => {
  const made = loaded(19041);
  made.lie('_PEB', PEB_ADDRESS, 'Ldr', 0n, made.built(PID).space);
  assert.deepEqual(names(made.open()).sort(), ['not-linked a.exe', 'not-linked ntdll.dll', 'not-linked other.dll']);
});

test('a process without a PEB, or that has ended, has no modules', () => {
  const windows = machine().process({ name: 'Registry', pid: 92 }).process({ name: 'gone.exe', pid: PID, exited: 133_200_500_000_000_000n }).open();
  assert.deepEqual(windows.process(92)?.modules(), []);
  assert.deepEqual(modulesOf(windows), []);
  assert.deepEqual(windows.anomalies.list, []);
});

const PEB32 = 0x7f_0000;
const HALF32: VadSpec = { start: BigInt(PEB32), pages: 4, protection: 4 };
const MAIN32: ModuleSpec = { ...MAIN, base: 0x40_0000n, pe: { is64: false } };
const NTDLL32: ModuleSpec = { base: 0x7710_0000n, pages: 8, name: 'ntdll.dll', path: 'C:\\Windows\\SysWOW64\\ntdll.dll', linked: false, pe: { is64: false } };

/** A WoW64 process: 64-bit lists name the main image and ntdll, 32-bit lists the main image and the other ntdll. */
function wow64(profile: number): Machine {
  const made = loaded(profile, [MAIN32, NTDLL, NTDLL32], [HALF32]);
  const { space, view } = made.built(PID);
  const loader = PEB32 + 0x1000;
  const u32 = (at: number, value: number): void => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    space.write(BigInt(at), bytes);
  };
  u32(PEB32 + 0xc, loader);
  for (const head of [0xc, 0x14, 0x1c]) for (const link of [0, 4]) u32(loader + head + link, loader + head);
  const entries = [MAIN32, NTDLL32].map((module, i) => {
    const at = loader + 0x100 + i * 0x400;
    const text = at + 0x100;
    space.write(BigInt(text), Buffer.from(module.path, 'utf16le'));
    u32(at + 0x18, Number(module.base));
    u32(at + 0x1c, Number(module.base) + 0x1000);
    u32(at + 0x20, module.pages * 4096);
    u32(at + 0x24, (module.path.length * 2) | ((module.path.length * 2) << 16));
    u32(at + 0x28, text);
    u32(at + 0x2c, (module.name.length * 2) | ((module.name.length * 2) << 16));
    u32(at + 0x30, text + (module.path.length - module.name.length) * 2);
    return at;
  });
  const chain = [loader + 0xc, ...entries];
  chain.forEach((at, i) => {
    const next = chain[(i + 1) % chain.length] ?? 0;
    u32(at, next);
    u32(next + 4, at);
  });
  if (view.has('WoW64Process')) {
    const block = made.kernel.nonpaged.struct('_EWOW64PROCESS', 'Wow6');
    block.set('Peb', PEB32);
    view.set('WoW64Process', block.address);
  } else {
    view.set('Wow64Process', PEB32);
  }
  return made;
}

for (const build of FAMILIES) {
  test(`build ${build}: both halves of a WoW64 process are read, and its 64-bit ntdll is told apart`, () => {
    const windows = wow64(build).open();
    const process = windows.process(PID);
    assert.ok(process !== undefined);
    assert.equal(process.facts.peb32, BigInt(PEB32));
    assert.deepEqual(process.modules().map((module) => [moduleLabel(process, module), module.wow64, module.base, module.kind, module.path]), [
      ['a.exe', true, MAIN32.base, 'ldr', MAIN32.path],
      ['_64-ntdll.dll', false, NTDLL.base, 'ldr', NTDLL.path],
      ['ntdll.dll', true, NTDLL32.base, 'ldr', NTDLL32.path],
    ]);
    assert.deepEqual(windows.anomalies.list, []);
  });
}

test('labels carry what no list names as a prefix', () => {
  const windows = loaded(19041).open();
  const process = windows.process(PID);
  const [module] = modulesOf(windows);
  assert.ok(process !== undefined && module !== undefined);
  assert.deepEqual((['ldr', 'not-linked', 'data', 'injected'] as const).map((kind) => moduleLabel(process, { ...module, kind })),
    ['a.exe', '_NOTLINKED-a.exe', '_DATA-a.exe', '_INJECTED-a.exe']);
});
