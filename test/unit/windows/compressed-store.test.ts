import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownStoreLayout } from '../../../src/windows/compressed-store-layouts.js';
import { compressedStore } from '../../../src/windows/compressed-store.js';
import { storeProfile, writePagingFiles, writeStore, type StoredPage, type WrittenStore } from '../../support/compressed-store.js';
import { direct } from '../../support/direct.js';
import { machine, type Machine } from '../../support/machine.js';
import { assertPages, openedStore, samplePages } from '../../support/opened-store.js';
import { UNKNOWN_SYMBOLS } from '../../support/standard.js';
import type { ModeName } from '../../support/table-rules.js';

/** Every build that something of the store changed with, and some between. */
const BUILDS: readonly (readonly [number, ModeName])[] = [
  ...[14_393, 15_063, 16_299, 17_134, 17_763, 18_362, 19_041, 22_000, 22_621, 22_631, 26_100].map((build) => [build, 'x64'] as const),
  ...[14_393, 15_063, 16_299, 17_134, 17_763, 18_362, 19_041].map((build) => [build, 'x86-pae'] as const),
];

for (const [build, mode] of BUILDS) {
  test(`every page of the compressed store is read byte for byte on build ${build} ${mode}`, () => {
    const { store, said } = openedStore(build, mode);
    assert.deepEqual(store.files, [2]);
    assertPages(store, samplePages());
    assert.deepEqual(said(), []);
  });
}

for (const build of [14_393, 17_763, 18_362, 19_041, 20_348, 22_000]) {
  test(`with the symbols of a bundled kernel of build ${build} the store is found in a recognised image`, () => {
    const made = machine({ profile: build, memory: 8 << 20 });
    writeStore(made, { layout: ownStoreLayout(build, 8)!, pages: samplePages(), file: 1 });
    writePagingFiles(made, [{ virtual: false }, { virtual: true }]);
    const { kernel } = made.open();
    const store = compressedStore(kernel);
    assert.deepEqual(store?.files, [1]);
    assertPages(store, samplePages());
  });
}

test('pages that the store does not have are missing, and that is no anomaly', () => {
  const { store, said } = openedStore(19_041, 'x64');
  for (const offset of [1, 2, 0x0fff_ffff, 0x1_0000, -1, 2 ** 28, 2 ** 40, 1.5, NaN]) assert.equal(store.read(offset), undefined, String(offset));
  assert.deepEqual(said(), []);
});

test('a page is the same object while it is remembered, and can be read again after many others', () => {
  const pages = samplePages(90);
  const { store } = openedStore(19_041, 'x64', { pages, fanOut: 40 });
  const first = store.read(pages[0]!.offset);
  assert.equal(store.read(pages[0]!.offset), first);
  assertPages(store, pages);
  assertPages(store, pages);
});

test('leaves that are full to the last byte are searched to the last entry', () => {
  for (const [mode, leaf] of [['x64', 510], ['x86-pae', 511]] as const) {
    const pages = Array.from({ length: leaf + 5 }, (_, i): StoredPage => ({ offset: i * 2, bytes: Buffer.alloc(4096, i) }));
    const { store, said } = openedStore(19_041, mode, { pages, fanOut: leaf });
    assertPages(store, pages);
    assert.deepEqual(said(), []);
  }
});

test('the page file that is the virtual store has the number that its entry says, whatever its place', () => {
  for (const [build, mode] of BUILDS) {
    const tabled = (files: readonly { virtual: boolean; tag?: string }[]): readonly number[] | undefined => {
      const made = machine({ profile: storeProfile(build, mode), mode, memory: 8 << 20, symbolFile: UNKNOWN_SYMBOLS });
      writePagingFiles(made, files);
      return compressedStore(direct(made).kernel)?.files;
    };
    assert.deepEqual(tabled([{ virtual: false }, { virtual: false }, { virtual: true }]), [2], `${build} ${mode}`);
    assert.deepEqual(tabled([{ virtual: true }]), [0], `${build} ${mode}`);
    assert.equal(tabled([{ virtual: false }]), undefined, `${build} ${mode}: no virtual store`);
    // What only looks like the table is not taken for it: then the number is the usual one.
    assert.deepEqual(tabled([{ virtual: true, tag: 'Fake' }]), [2], `${build} ${mode}: no table`);
  }
});

test('pages of a virtual store with another number are read by that number', () => {
  const { store, said } = openedStore(17_763, 'x64', { file: 5 }, (made) => writePagingFiles(made, [0, 1, 2, 3, 4, 5].map((i) => ({ virtual: i === 5 }))));
  assert.deepEqual(store.files, [5]);
  assertPages(store, samplePages());
  assert.deepEqual(said(), []);
});

test('before Windows 10 there is none', () => {
  assert.equal(compressedStore(direct(machine({ profile: 9600 })).kernel), undefined);
});

test('without SmGlobals pages are missing, and that is said', () => {
  for (const files of [[], [{ virtual: false }, { virtual: true }]]) {
    const made = machine({ profile: storeProfile(19_041, 'x64', ['SmGlobals']), mode: 'x64', memory: 8 << 20, symbolFile: UNKNOWN_SYMBOLS });
    if (files.length > 0) writePagingFiles(made, files);
    const { kernel } = direct(made);
    const store = compressedStore(kernel);
    assert.deepEqual(store?.files, files.length === 0 ? undefined : [1]);
    assert.equal(store?.read(0), undefined);
    assert.match(kernel.anomalies.list.map(({ what }) => what).join(), /SmGlobals is not known, and nothing else led to the store/);
  }
});

test('without its symbol SmGlobals is found among the variables that are aligned to cache lines, and that is said', () => {
  for (const [build, mode] of BUILDS) {
    const known = storeProfile(build, mode);
    const made = machine({ profile: known, mode, memory: 8 << 20, symbolFile: UNKNOWN_SYMBOLS });
    const layout = ownStoreLayout(build, known.pointerSize)!;
    writeStore(made, { layout, pages: samplePages() });
    const header = made.kernel.space.read(made.kernel.base, 4096);
    made.kernel.space.write(made.kernel.base + BigInt(header.indexOf('.text')), Buffer.from('CACHEALI'));
    const { kernel } = direct(made, storeProfile(build, mode, ['SmGlobals']));
    const store = compressedStore(kernel);
    assert.deepEqual(store?.files, [2], `${build} ${mode}`);
    assertPages(store, samplePages());
    assert.match(kernel.anomalies.list.map(({ what }) => what).join(), /found by what it is/);
  }
});

test('a build of which nothing is published is read by the layout that fits the image, and that is said', () => {
  for (const mode of ['x64', 'x86-pae'] as const) {
    const pointerSize = mode === 'x64' ? 8 : 4;
    for (const [build, as] of [[10_240, 14_393], [10_586, 14_393], [10_586, 15_063], [19_041, 16_299]] as const) {
      const layout = ownStoreLayout(as, pointerSize)!;
      const { store, said } = openedStore(build, mode, { layout });
      // Between these two only the owner's place differs: the name of the process tells it, and that is said too.
      assertPages(store, samplePages());
      assert.ok(said().length > 0, `${build} ${mode}`);
    }
    const { store, said } = openedStore(10_586, mode, { layout: ownStoreLayout(14_393, pointerSize)! }, (made, { store: at }) => {
      const { data, self } = ownStoreLayout(14_393, pointerSize)!;
      made.kernel.space.setPointer(at + BigInt(data + self), 0n);
    });
    assert.equal(store.read(0), undefined);
    assert.match(said().join(), /not published, and no other build's layout fits/);
  }
});

test('a store that does not name itself is read all the same, and said to be unverified', () => {
  const { store, said } = openedStore(19_041, 'x64', {}, (made, { store: at }) => {
    const { data, self } = ownStoreLayout(19_041, 8)!;
    made.kernel.space.setPointer(at + BigInt(data + self), at + 0x10n);
  });
  assertPages(store, samplePages());
  assert.match(said().join(), /not verified/);
});

test('a store that names no owner is read from the process MemCompression, and that is said', () => {
  const { store, said } = openedStore(19_041, 'x64', { ownerNamed: false });
  assertPages(store, samplePages());
  assert.match(said().join(), /names no process as its owner/);
  const lost = openedStore(19_041, 'x64', { ownerNamed: false }, (made, { process }) => made.unlink(process));
  assert.equal(lost.store.read(0), undefined);
  assert.match(lost.said().join(), /MemCompression is not in the image/);
});

test('a page whose packed bytes are not in the image is missing, the others are read', () => {
  const pages = samplePages();
  const { store } = openedStore(19_041, 'x64', { pages }, (made, { kept, process }) => made.absent(kept.get(3)!.address, made.built(process).space));
  assert.equal(store.read(3), undefined);
  assert.ok(pages.filter(({ offset }) => store.read(offset) !== undefined).length > pages.length / 2);
});

test('what is not in the image on the way to a page makes it missing, not wrong', () => {
  const space = (made: Machine): Machine['kernel']['space'] => made.kernel.space;
  const layout = ownStoreLayout(19_041, 8)!;
  for (const [what, gone] of Object.entries<(made: Machine, written: WrittenStore) => bigint>({
    'tree of stores': (_, { storeTree }) => storeTree, 'tree of pages': (_, { pageTree }) => pageTree, store: (_, { store }) => store,
    'its end': (_, { store }) => store + BigInt(layout.owner), record: (_, { records }) => records.get(0)!, regions: (_, { regions }) => regions,
    globals: (_, { globals }) => globals,
  })) {
    const { store } = openedStore(19_041, 'x64', {}, (made, written) => made.absent(gone(made, written), space(made)));
    const read = store.read(0);
    if (what === 'its end') assert.ok(read === undefined || Buffer.from(read).equals(samplePages()[0]!.bytes), what);
    else assert.equal(read, undefined, what);
  }
});

test('the offsets are those that are published', () => {
  const rows = BUILDS.map(([build, mode]) => {
    const { data, format, regions, owner, chunkEntry, keyMask, apart } = ownStoreLayout(build, mode === 'x64' ? 8 : 4)!;
    return [build, mode, typeof format === 'number' ? data + format : format, regions, owner, chunkEntry, keyMask, apart?.pointer, apart?.into];
  });
  const all = 0xffff_ffff;
  assert.deepEqual(rows, [
    [14_393, 'x64', 0x420, 0x17a8, 0x1918, 16, all, undefined, undefined],
    [15_063, 'x64', 0x420, 0x1828, 0x1988, 16, all, undefined, undefined],
    [16_299, 'x64', 0x430, 0x1848, 0x19a8, 16, all, undefined, undefined],
    [17_134, 'x64', 0x430, 0x1848, 0x19a8, 16, all, undefined, undefined],
    [17_763, 'x64', 0x430, 0x1848, 0x19a8, 16, all, undefined, undefined],
    [18_362, 'x64', 0x430, 0x1848, 0x19a8, 16, all, undefined, undefined],
    [19_041, 'x64', 0x430, 0x1848, 0x19b8, 16, all, undefined, undefined],
    [22_000, 'x64', 0x430, 0x1848, 0x19b8, 16, all, undefined, undefined],
    [22_621, 'x64', 0x430, 0x1848, 0x19b8, 16, all, 0x8, 0x7a8],
    [22_631, 'x64', 0x430, 0x1848, 0x19b8, 16, all, 0x8, 0x7a8],
    [26_100, 'x64', 'lz4', 0x1b70, 0x1d08, 16, 0x0fff_ffff, 0x10, 0xc30],
    [14_393, 'x86-pae', 0x258, 0x1124, 0x1204, 8, all, undefined, undefined],
    [15_063, 'x86-pae', 0x258, 0x1174, 0x1244, 12, all, undefined, undefined],
    [16_299, 'x86-pae', 0x25c, 0x1184, 0x1254, 12, all, undefined, undefined],
    [17_134, 'x86-pae', 0x25c, 0x1184, 0x1254, 12, all, undefined, undefined],
    [17_763, 'x86-pae', 0x25c, 0x1184, 0x1254, 12, all, undefined, undefined],
    [18_362, 'x86-pae', 0x25c, 0x1184, 0x1254, 12, all, undefined, undefined],
    [19_041, 'x86-pae', 0x25c, 0x1184, 0x125c, 12, all, undefined, undefined],
  ]);
});
