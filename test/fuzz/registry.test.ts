import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { FormatError } from '../../src/bytes/errors.js';
import { recoverDeleted } from '../../src/registry/deleted.js';
import { openHiveFile } from '../../src/registry/hive-file.js';
import { securityCell } from '../../src/registry/security.js';
import { applyLogs } from '../../src/registry/transaction-log.js';
import { dataText } from '../../src/registry/value-type.js';
import { dword, sz, writeHive } from '../support/hive-bytes.js';
import { changedPages, newLog, oldLog, withSequence } from '../support/hive-log.js';
import { seeded } from '../support/random.js';

const ROUNDS = 20_000;
const SEED = 0x5eed;
/** No hive may take longer; those here are of a few kilobytes. */
const MOST_MS = 2_000;
/** Bytes that all rounds may leave or have at once on top of what was there: some copies of the largest hive. */
const MOST_MEMORY = 300 << 20;
const EDGES = [0, 1, 4, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x1000, 0x7fff_fff8, 0x8000_0000, 0x8000_0020, 0xffff_fff8, 0xffff_ffff];
const SIGNATURES = ['nk', 'vk', 'sk', 'lf', 'lh', 'li', 'ri', 'db'];

/** Real hives that are small enough to be broken thousands of times. */
const REAL = ['EricZimmerman+Registry/Registry.Test/Hives/SECURITYNoRoot', 'williballenthin+python-registry/tests/reg_samples/issue22.hive',
  'williballenthin+python-registry/tests/reg_samples/UNICODE_TESTS']
  .map((name) => fileURLToPath(new URL(`../../../../shared/testdata/registry/${name}`, import.meta.url))).filter(existsSync);

/** A hive with all kinds of lists, values and cells, and what is left of deleted ones. */
function hive(list: 'lf' | 'lh' | 'li' | 'ri', version: number): Buffer {
  const { file, cells } = writeHive({
    name: 'ROOT', written: 133_000_000_000_000_000n, list,
    keys: Array.from({ length: 9 }, (_, i) => ({
      name: `key ${i}`, written: 133_000_000_000_000_000n, className: 'class', list, keys: [{ name: 'below', keys: [{ name: '日本' }] }, { name: 'beside' }],
      values: [{ name: '', type: 1, data: sz('some text') }, { name: 'multi', type: 7, data: Buffer.concat([sz('a'), sz('b'), sz('')]) }, { name: 'n', type: 4, data: dword(version) }],
    })),
    values: [{ name: 'big', type: 3, data: Buffer.alloc(17_000, version) }],
  });
  for (const [name, cell] of cells) {
    if (/^key [78]/.test(name) && cell !== 0xffff_ffff) file.writeInt32LE(Math.abs(file.readInt32LE(0x1000 + cell)), 0x1000 + cell);
  }
  return file;
}

/** Breaks bytes: bits, numbers at the edges, signatures, pieces moved, blocks zeroed, the end cut off. */
function mutated(bytes: Buffer, next: () => number, from: number): Buffer {
  const below = (most: number): number => Math.floor(next() * most);
  const out = Buffer.from(bytes);
  const place = (): number => from + below(out.length - from);
  for (let changes = 1 + below(8); changes > 0; changes -= 1) {
    const at = place();
    const even = Math.min(at & ~3, out.length - 4);
    switch (below(8)) {
      case 0: out[at]! ^= 1 << below(8); break;
      case 1: out[at] = below(256); break;
      case 2: out.writeUInt32LE(EDGES[below(EDGES.length)]!, even); break;
      case 3: out.writeUInt16LE(EDGES[below(EDGES.length)]! & 0xffff, even); break;
      case 4: out.writeUInt32LE(0x20 + 8 * below(out.length / 8), even); break;
      case 5: out.write(SIGNATURES[below(SIGNATURES.length)]!, even, 'latin1'); break;
      case 6: out.copy(out, place(), at, at + below(256)); break;
      default: if (next() < 0.2) out.fill(0, at & ~0xfff, Math.min(out.length, (at & ~0xfff) + 0x1000)); break;
    }
  }
  return next() < 0.1 ? out.subarray(0, below(out.length)) : out;
}

/** Asks a hive all that the model, the tree and the tables ask; answers the number of keys. */
function use(file: Buffer): number {
  const { hive: opened } = openHiveFile(file);
  let keys = 0;
  for (const key of opened.keys()) {
    keys += 1;
    assert.ok(key.path.length <= 512 * 256);
    key.className();
    if (key.securityCell !== undefined) opened.anomalies.attempt('security', () => securityCell(opened, key.securityCell ?? 0));
    for (const value of key.values()) {
      const content = value.content();
      if (content !== undefined && content.bytes.length < 1000) dataText(value.type, content.bytes);
      assert.ok((content?.bytes.length ?? 0) <= file.length);
    }
  }
  assert.ok(keys <= file.length / 0x4c);
  const { keys: gone, values, tops } = recoverDeleted(opened);
  assert.ok(tops.length <= gone.length && (gone.length === 0 || tops.length > 0));
  for (const key of gone) assert.ok(key.path.endsWith(key.name) && key.values().length <= values.length);
  for (const value of values) assert.ok((value.content()?.bytes.length ?? 0) <= file.length);
  return keys;
}

/** Bytes of memory of all kinds. */
function memory(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Runs all rounds; only contradictions may be thrown, none takes long, memory stays bounded. @returns how many hives were readable */
function rounds(count: number, seed: number, one: (next: () => number) => number): number {
  const next = seeded(seed);
  const before = memory();
  let readable = 0;
  for (let round = 0; round < count; round += 1) {
    const begun = performance.now();
    try {
      if (one(next) > 0) readable += 1;
    } catch (error) {
      if (!(error instanceof FormatError)) throw new Error(`seed ${seed}, round ${round}: ${error instanceof Error ? error.stack : String(error)}`, { cause: error });
    }
    const took = performance.now() - begun;
    assert.ok(took < MOST_MS, `seed ${seed}, round ${round} took ${took} ms`);
    if (round % 100 === 0) assert.ok(memory() - before < MOST_MEMORY, `seed ${seed}, round ${round}: ${memory() - before} bytes`);
  }
  return readable;
}

test('mutated hives are read as far as they can be', () => {
  const files = [...(['lf', 'lh', 'li', 'ri'] as const).map((list) => hive(list, 1)), ...REAL.map((path) => readFileSync(path))];
  // Most changes go to the cells: a base block without its signature opens nothing.
  const readable = rounds(ROUNDS, SEED, (next) => use(mutated(files[Math.floor(next() * files.length)]!, next, next() < 0.1 ? 0 : 0x1000)));
  assert.ok(readable > ROUNDS / 2 && readable < ROUNDS, `${readable} of ${ROUNDS} were readable`);
});

test('mutated logs and hives with them are applied or left out, and the hives are no larger than both', () => {
  const [before, after] = [hive('lh', 1), hive('lh', 2)];
  const dirty = withSequence(before, 6, 5);
  const pages = changedPages(before, after);
  const logs = [newLog(before, 5, [pages.slice(0, 1), pages.slice(1)]), oldLog(before, 6, pages)];
  let applied = 0;
  rounds(ROUNDS / 5, SEED, (next) => {
    const log = mutated(logs[Math.floor(next() * logs.length)]!, next, next() < 0.3 ? 0 : 0x200);
    const base = next() < 0.3 ? mutated(dirty, next, 0) : dirty;
    const result = applyLogs(base, [log, logs[Math.floor(next() * logs.length)]!]);
    assert.ok(result.bytes.length <= Math.max(base.length, 0x1000) + log.length + logs[0]!.length + logs[1]!.length);
    applied += result.applied.length;
    return use(result.bytes);
  });
  assert.ok(applied > 1000, `${applied} logs were applied`);
});
