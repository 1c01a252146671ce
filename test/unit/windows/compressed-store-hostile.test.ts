import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FormatError } from '../../../src/bytes/errors.js';
import { ownStoreLayout, STORE_LAYOUTS } from '../../../src/windows/compressed-store-layouts.js';
import { compressedStore } from '../../../src/windows/compressed-store.js';
import { storeProfile, type StoredPage, type StoreOptions, type WrittenStore } from '../../support/compressed-store.js';
import { direct } from '../../support/direct.js';
import { lz4Bytes } from '../../support/lz4-bytes.js';
import { machine, type Machine } from '../../support/machine.js';
import { openedStore, samplePages, type OpenedStore } from '../../support/opened-store.js';
import { pageBytes } from '../../support/page-bytes.js';
import { seeded } from '../../support/random.js';
import { UNKNOWN_SYMBOLS } from '../../support/standard.js';
import { xpressBytes } from '../../support/xpress-bytes.js';
import { xpressHuffmanBytes } from '../../support/xpress-huffman-bytes.js';

/** One page, and something of the way to it broken. */
function broken(change: (made: Machine, written: WrittenStore) => void, page: Partial<StoredPage> = {}, options: Partial<StoreOptions> = {}): Pick<OpenedStore, 'store' | 'said'> {
  return openedStore(19_041, 'x64', { pages: [{ offset: 0, bytes: pageBytes(0), ...page }, { offset: 1, bytes: pageBytes(1) }], ...options }, change);
}

test('a tree that leads back to itself, or down for ever, ends', () => {
  const loop = broken(({ kernel: { space } }, { pageTree }) => {
    space.setU32(pageTree, 0);
    space.setPointer(pageTree + 8n, pageTree);
  });
  assert.equal(loop.store.read(0), undefined);
  assert.match(loop.said().join(), /leads back to a node already visited/);
  const deep = broken((made, { pageTree }) => {
    let at = pageTree;
    for (let i = 0; i < 40; i += 1) {
      const next = made.kernel.nonpaged.pages(4096);
      made.kernel.space.setU32(at, 0);
      made.kernel.space.setPointer(at + 8n, next);
      at = next;
    }
  });
  assert.equal(deep.store.read(0), undefined);
  assert.match(deep.said().join(), /stopped after 10 nodes/);
});

test('a tree whose count lies and one that leads out of the kernel are contradictions', () => {
  const count = broken(({ kernel: { space } }, { storeTree }) => space.setU32(storeTree, 0x0100_ffff));
  assert.equal(count.store.read(0), undefined);
  assert.match(count.said().join(), /has 65535 entries/);
  const out = broken(({ kernel: { space } }, { pageTree }) => {
    space.setU32(pageTree, 0);
    space.setPointer(pageTree + 8n, 0x1234_5000n);
  });
  assert.equal(out.store.read(0), undefined);
  assert.match(out.said().join(), /leads out of kernel memory/);
});

test('records that stand for one another in a circle end', () => {
  const { store, said } = broken((made, { records }) => {
    // The record names the key of its own place: the first of the first chunk.
    made.kernel.space.write(records.get(0)!, Buffer.from([0xff, 0xff, 0xff, 0xff, 4, 0, 0, 0]));
  });
  assert.equal(store.read(0), undefined);
  assert.match(said().join(), /leads back to a node already visited/);
});

test('a record of no bytes, a key of no chunk, and chunks out of the kernel are contradictions', () => {
  const layout = ownStoreLayout(19_041, 8)!;
  const chunks = BigInt(layout.data + layout.chunks);
  const cases: readonly (readonly [string, RegExp, (made: Machine, written: WrittenStore) => void])[] = [
    ['no bytes', /keeps no bytes/, ({ kernel }, { records }) => kernel.space.setU32(records.get(0)! + 4n, 0)],
    ['no chunk', /names no chunk/, ({ kernel }, { pageTree }) => kernel.space.setU32(pageTree + 0x14n, 1)],
    ['row', /chunks is no address of the kernel/, ({ kernel }, { store }) => kernel.space.setPointer(store + chunks, 0x1000n)],
    ['far row', /row 29 .* no address of the kernel/, ({ kernel }, { pageTree }) => kernel.space.setU32(pageTree + 0x14n, 0xffff_fffe)],
    ['chunk', /a chunk of a compressed store is no address/, ({ kernel }, { store }) => kernel.space.setPointer(kernel.space.pointer(store + chunks), 0x1000n)],
    ['far record', /bytes into its chunk/, ({ kernel }, { store }) => kernel.space.setU32(store + chunks + BigInt(layout.chunk.headerSize), 0x7fff_ffff)],
    ['region', /is no user memory/, ({ kernel }, { regions }) => kernel.space.setPointer(regions, kernel.base)],
    ['no region', /is no user memory/, ({ kernel }, { regions }) => kernel.space.setPointer(regions, 0n)],
    ['region at the end', /is no user memory/, ({ kernel }, { regions, records }) => {
      kernel.space.setPointer(regions, kernel.space.rules.kernelStart - 0x1_0000n);
      kernel.space.setU32(records.get(0)!, 0xfff);
    }],
  ];
  for (const [what, sentence, change] of cases) {
    const { store, said } = broken(change);
    assert.equal(store.read(0), undefined, what);
    assert.match(said().join('\n'), sentence, what);
  }
});

test('a page that unpacks to more or less than 4096 bytes is missing and a contradiction', () => {
  for (const size of [0, 1, 4095, 4097, 8192]) {
    const data = Buffer.alloc(size, 'page');
    const xpress = broken(() => undefined, { packed: xpressBytes(data) });
    assert.equal(xpress.store.read(0), undefined, `Xpress ${size}`);
    assert.match(xpress.said().join(), /Xpress data/);
    const lz4 = openedStore(26_100, 'x64', { pages: [{ offset: 0, bytes: data, packed: lz4Bytes(data) }] });
    assert.equal(lz4.store.read(0), undefined, `LZ4 ${size}`);
    assert.match(lz4.said().join(), /LZ4 data/);
  }
});

test('a store says its format; one that is not known is said', () => {
  const huffman = broken(() => undefined, { packed: xpressHuffmanBytes(pageBytes(0)) }, { format: 4 });
  assert.ok(Buffer.from(huffman.store.read(0)!).equals(pageBytes(0)));
  const { store, said } = broken(() => undefined, {}, { format: 5 });
  assert.equal(store.read(0), undefined);
  assert.match(said().join(), /format 5, which is not known/);
});

test('a page is had when its packed bytes are in the image', () => {
  const { store } = openedStore(19_041, 'x64', {}, (made, { kept, process }) => made.absent(kept.get(3)!.address, made.built(process).space));
  assert.equal(store.has(0), true);
  assert.equal(store.has(3), false);
  assert.equal(store.has(1), false, 'not in the store');
  assert.ok(samplePages().every(({ offset }) => store.has(offset) === (store.read(offset) !== undefined)));
});

test('a store whose own memory is in the store ends instead of asking itself for ever', () => {
  const { kernel } = direct(machine({ profile: storeProfile(19_041), mode: 'x64', memory: 8 << 20, symbolFile: UNKNOWN_SYMBOLS }));
  const store = compressedStore(kernel)!;
  let asked = 0;
  const { memory } = kernel;
  const original = memory.read.bind(memory);
  memory.read = (address, length) => {
    asked += 1;
    assert.ok(asked < 100);
    store.read(0);
    return original(address, length);
  };
  assert.equal(store.read(0), undefined);
  assert.ok(asked > 0);
});

test('whatever is written over the store, a read ends, and gives a page or nothing', () => {
  const pages = samplePages(12);
  for (const [round, layout] of Array.from({ length: 40 }, (_, i) => [i, STORE_LAYOUTS[i % STORE_LAYOUTS.length]!] as const)) {
    const mode = layout.pointerSize === 8 ? 'x64' : 'x86-pae';
    const build = layout.build === 22_601 ? 22_621 : layout.build;
    const next = seeded(round);
    const { store } = openedStore(build, mode, { pages, layout }, (made, written) => {
      const { space } = made.kernel;
      const targets = [written.globals, written.store, written.storeTree, written.pageTree, written.regions, ...written.records.values()];
      for (let i = 0; i < 30; i += 1) {
        const at = targets[Math.floor(next() * targets.length)]! + BigInt(Math.floor(next() * 0x300) * 4);
        if (space.translate(at) !== undefined) space.setU32(at, next() < 0.5 ? next() * 4_294_967_296 : next() * 300);
      }
    });
    for (const { offset } of pages) {
      try {
        const read = store.read(offset);
        assert.ok(read === undefined || read.length === 4096);
      } catch (error) {
        assert.ok(!(error instanceof FormatError), 'no contradiction leaves the store');
        throw error;
      }
    }
  }
});
