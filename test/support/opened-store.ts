import assert from 'node:assert/strict';
import { ownStoreLayout } from '../../src/windows/compressed-store-layouts.js';
import { compressedStore, type CompressedStore } from '../../src/windows/compressed-store.js';
import { storeProfile, writeStore, type StoredPage, type StoreOptions, type WrittenStore } from './compressed-store.js';
import { direct } from './direct.js';
import { machine, type Machine } from './machine.js';
import { pageBytes } from './page-bytes.js';
import { noise } from './random.js';
import { UNKNOWN_SYMBOLS } from './standard.js';
import type { ModeName } from './table-rules.js';

/** Pages of all kinds: packed, kept whole, behind other records; offsets far apart and next to each other. */
export function samplePages(count = 40): StoredPage[] {
  return Array.from({ length: count }, (_, i): StoredPage => {
    const offset = i < count / 2 ? i * 3 : 0x1_0000 + i * 977;
    if (i % 5 === 4) {
      const bytes = Buffer.alloc(4096);
      noise(bytes, i);
      return { offset, bytes, whole: true };
    }
    return { offset, bytes: i % 7 === 6 ? Buffer.alloc(4096) : pageBytes(i), behind: i % 6 === 5 ? 1 + (i % 3) : 0 };
  });
}

export interface OpenedStore {
  readonly made: Machine;
  readonly written: WrittenStore;
  readonly store: CompressedStore;
  readonly said: () => string[];
}

/** A machine with a compressed store, read without any recognition. `change` breaks it before it is read. */
export function openedStore(build: number, mode: ModeName, options: Partial<StoreOptions> = {}, change: (made: Machine, written: WrittenStore) => void = () => undefined): OpenedStore {
  const profile = storeProfile(build, mode);
  const made = machine({ profile, mode, memory: 8 << 20, symbolFile: UNKNOWN_SYMBOLS });
  const written = writeStore(made, { layout: ownStoreLayout(build, profile.pointerSize)!, pages: samplePages(), ...options });
  change(made, written);
  const { kernel } = direct(made);
  const store = compressedStore(kernel);
  assert.ok(store !== undefined);
  return { made, written, store, said: () => kernel.anomalies.list.map(({ what }) => what) };
}

/** Asserts that each page is read as it was. */
export function assertPages(store: CompressedStore, pages: readonly StoredPage[]): void {
  for (const { offset, bytes } of pages) {
    const read = store.read(offset);
    assert.ok(read !== undefined, `page 0x${offset.toString(16)} is read`);
    assert.ok(Buffer.from(read).equals(bytes), `page 0x${offset.toString(16)} is what it was`);
  }
}
