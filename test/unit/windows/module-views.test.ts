import assert from 'node:assert/strict';
import { test } from 'node:test';
import { moduleViews, type ModuleViews } from '../../../src/windows/module-views.js';
import { FAMILIES, machine, type Machine } from '../../support/machine.js';
import { listRemove } from '../../support/layout.js';
import { peImage } from '../../support/pe-image.js';
import { PEB_ADDRESS, type ModuleSpec } from '../../support/user-memory.js';
import type { VadSpec } from '../../support/vads.js';

const PID = 1004;
const MAIN: ModuleSpec = { base: 0x7ff6_1000_0000n, pages: 8, name: 'a.exe', path: 'C:\\Tools\\a.exe' };
const NTDLL: ModuleSpec = { base: 0x7ffb_2000_0000n, pages: 16, name: 'ntdll.dll', path: 'C:\\Windows\\System32\\ntdll.dll' };
const OTHER: ModuleSpec = { base: 0x7ffb_1000_0000n, pages: 4, name: 'other.dll', path: 'C:\\Tools\\other.dll' };
const PE = peImage({ sizeOfImage: 0x3000 })[0]?.bytes ?? Buffer.alloc(0);

function loaded(modules: readonly ModuleSpec[] = [MAIN, NTDLL, OTHER], vads: readonly VadSpec[] = [], profile = 19041): Machine {
  return machine({ profile }).process({ name: 'a.exe', pid: PID, modules, vads, parameters: { imagePath: MAIN.path, commandLine: 'a' } });
}

function views(made: Machine): readonly ModuleViews[] {
  const process = made.open().process(PID);
  assert.ok(process !== undefined);
  return moduleViews(process);
}

const found = (made: Machine, base: bigint): ModuleViews | undefined => views(made).find((one) => one.base === base);
const oddities = (made: Machine): string[] => views(made).filter((one) => one.oddities.length > 0).map((one) => `${one.name ?? one.mappedPath ?? one.base.toString(16)}: ${one.oddities.join(' ')}`);

for (const build of FAMILIES) {
  test(`build ${build}: what all sources know has nothing odd`, () => {
    const made = loaded(undefined, [], build);
    assert.deepEqual(views(made).map(({ base, name, path, mappedPath, lists, vad, mz, oddities: odd }) => ({ base, name, path, mappedPath, lists: [...lists].sort(), vad, mz, odd })),
      [MAIN, OTHER, NTDLL].map(({ base, name, path }) => ({ base, name, path, mappedPath: path.slice(2), lists: ['initialization', 'load', 'memory'], vad: 'image', mz: true, odd: [] })));
  });
}

test('an image that no list names, a PE in private memory and one mapped for its data stand out', () => {
  const injected: VadSpec = { start: 0x30_0000_0000n, pages: 3, protection: 6, bytes: PE };
  const data: VadSpec = { start: 0x20_0000_0000n, pages: 3, protection: 1, type: 2, file: '\\Windows\\System32\\imageres.dll', bytes: PE };
  const plain: VadSpec = { start: 0x28_0000_0000n, pages: 3, protection: 4, bytes: Buffer.alloc(0x1000, 0x33) };
  const made = loaded([MAIN, NTDLL, { ...OTHER, linked: false }], [injected, data, plain]);
  assert.deepEqual(oddities(made), ['\\Windows\\System32\\imageres.dll: data', `${injected.start.toString(16)}: injected`, '\\Tools\\other.dll: unlinked']);
  assert.deepEqual(found(made, OTHER.base)?.lists.size, 0);
  assert.equal(found(made, plain.start), undefined);
});

/** Takes a module out of one list of the loader. */
function unlinkFrom(made: Machine, base: bigint, links: string): void {
  const entry = found(made, base)?.ldrEntry;
  assert.ok(entry !== undefined);
  const { space } = made.built(PID);
  listRemove(space, made.view('_LDR_DATA_TABLE_ENTRY', entry, space).at(links));
}

for (const [links, left] of [['InLoadOrderLinks', ['initialization', 'memory']], ['InMemoryOrderLinks', ['initialization', 'load']], ['InInitializationOrderLinks', ['load', 'memory']]] as const) {
  test(`a module that has been taken out of ${links} alone is partial`, () => {
    const made = loaded();
    unlinkFrom(made, OTHER.base, links);
    assert.deepEqual([...found(made, OTHER.base)?.lists ?? []].sort(), left);
    assert.deepEqual(oddities(made), ['other.dll: partial']);
  });
}

test('the main image need not be in initialization order', () => {
  const made = loaded();
  made.built(PID).view.set('SectionBaseAddress', MAIN.base);
  unlinkFrom(made, MAIN.base, 'InInitializationOrderLinks');
  assert.deepEqual(oddities(made), []);
});

test('a listed module where private memory lies, and one where nothing is mapped', () => {
  const made = loaded();
  const { space } = made.built(PID);
  const at = (base: bigint): bigint => found(made, base)?.ldrEntry ?? 0n;
  const [main, other] = [at(MAIN.base), at(OTHER.base)];
  made.lie('_LDR_DATA_TABLE_ENTRY', other, 'DllBase', 0x77_0000_0000n, space);
  made.lie('_LDR_DATA_TABLE_ENTRY', main, 'DllBase', PEB_ADDRESS & ~0xffffn, space);
  assert.deepEqual(oddities(made), ['other.dll: no-vad', 'a.exe: private no-header', '\\Tools\\a.exe: unlinked', '\\Tools\\other.dll: unlinked']
    .sort((a, b) => oddities(made).indexOf(a) - oddities(made).indexOf(b)));
  assert.equal(oddities(made).length, 4);
});

test('a loader\'s name that is not that of the mapped file, and a header that has been wiped', () => {
  const made = loaded([MAIN, NTDLL, { ...OTHER, file: '\\Users\\a\\evil.dll' }]);
  made.built(PID).space.write(NTDLL.base, Buffer.alloc(2));
  assert.deepEqual(oddities(made), ['other.dll: renamed', 'ntdll.dll: no-header']);
});

test('a header page that is not in the image is neither yes nor no', () => {
  const made = loaded();
  made.absent(OTHER.base, made.built(PID).space);
  made.lie('_MMVAD', made.built(PID).vads.find(({ spec }) => spec.start === OTHER.base)?.address ?? 0n, 'FirstPrototypePte', 0n);
  assert.deepEqual([found(made, OTHER.base)?.mz, oddities(made)], [undefined, []]);
});

test('lists that loop, a wiped loader and processes without a PEB end, with what the VADs know', () => {
  const looped = loaded();
  const entry = found(looped, NTDLL.base)?.ldrEntry ?? 0n;
  looped.built(PID).space.setU64(entry, entry);
  assert.deepEqual(views(looped).length, 3);
  const wiped = loaded();
  wiped.lie('_PEB', PEB_ADDRESS, 'Ldr', 0n, wiped.built(PID).space);
  assert.deepEqual(views(wiped).map(({ oddities: odd }) => odd.join(' ')), ['unlinked', 'unlinked', 'unlinked']);
  const ended = machine().process({ name: 'gone.exe', pid: PID, exited: 133_200_500_000_000_000n });
  assert.deepEqual(views(ended), []);
});
