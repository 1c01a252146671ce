import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { FormatError } from '../../src/bytes/errors.js';
import { isfIdentity, isfTable, isfText } from '../../src/profile/isf.js';
import { bytesSource } from '../../src/profile/msf.js';
import { pdbIdentity, pdbTable } from '../../src/profile/pdb.js';
import { packTable, unpackTable } from '../../src/profile/symbol-cache.js';
import { tableProfile, type SymbolTable } from '../../src/profile/symbol-table.js';
import { isfFile, isfJson } from '../support/isf-json.js';
import { kernelPdb, pdbBytes } from '../support/pdb-bytes.js';
import { seeded } from '../support/random.js';
import { xzBytes } from '../support/xz-bytes.js';

const ROUNDS = 10_000;
const SEED = 0x5eed;
/** What the process may need on top of what it had. */
const MOST_MEMORY = 400 << 20;
const EDGES = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x1000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/** Breaks bytes: single bits and bytes, numbers at the edges, pieces moved, the end cut off. */
function mutated(bytes: Buffer, next: () => number): Buffer {
  const below = (most: number): number => Math.floor(next() * most);
  const out = Buffer.from(bytes);
  for (let changes = 1 + below(8); changes > 0; changes -= 1) {
    const at = below(out.length);
    switch (below(5)) {
      case 0: out[at]! ^= 1 << below(8); break;
      case 1: out[at] = below(256); break;
      case 2: if (at + 4 <= out.length) out.writeUInt32LE(EDGES[below(EDGES.length)]!, at); break;
      case 3: if (at + 2 <= out.length) out.writeUInt16LE(EDGES[below(EDGES.length)]! & 0xffff, at); break;
      default: out.copy(out, below(out.length), at, at + below(64)); break;
    }
  }
  return next() < 0.1 ? out.subarray(0, below(out.length)) : out;
}

/** Breaks what JSON says, not how it is written: one value anywhere becomes another. */
function mutatedJson(next: () => number): Buffer {
  const json = structuredClone(isfJson());
  const places: [Record<string, unknown>, string][] = [];
  const collect = (value: unknown): void => {
    if (typeof value !== 'object' || !value) return;
    for (const [key, inner] of Object.entries(value)) {
      places.push([value as Record<string, unknown>, key]);
      collect(inner);
    }
  };
  collect(json);
  const values = [-1, 0.5, 1e300, 2 ** 53, '', 'pointer', '__anonymous_1', '__proto__', '_EPROCESS', [], {}, true, undefined, 'x'.repeat(5000), { kind: 'pointer' },
    { kind: 'union', name: '__anonymous_2' }, { kind: 'array', count: 1e9, subtype: { kind: 'base', name: 'char' } }];
  for (let changes = 1 + Math.floor(next() * 3); changes > 0; changes -= 1) {
    const [owner, key] = places[Math.floor(next() * places.length)]!;
    owner[key] = values[Math.floor(next() * values.length)];
  }
  return Buffer.from(JSON.stringify(json));
}

/** Asks a table what the model would ask it. */
function use(table: SymbolTable): void {
  const profile = tableProfile(table);
  for (const [name, [size, fields]] of [...table.structs].slice(0, 50)) {
    assert.ok(Number.isSafeInteger(size) && size >= 0);
    for (const [path] of fields.slice(0, 50)) {
      const field = profile.field(name, path);
      assert.ok(field !== undefined && Number.isSafeInteger(field.offset) && field.offset >= 0, `${name}.${path}`);
    }
  }
  for (const rva of table.symbols.values()) assert.ok(Number.isInteger(rva) && rva >= 0 && rva <= 0xffff_ffff);
}

/** Runs all rounds; only contradictions may be thrown, memory stays bounded. @returns how many files were still readable */
function rounds(count: number, seed: number, one: (next: () => number) => SymbolTable): number {
  const next = seeded(seed);
  const before = process.memoryUsage.rss();
  let readable = 0;
  for (let round = 0; round < count; round += 1) {
    try {
      use(one(next));
      readable += 1;
    } catch (error) {
      if (!(error instanceof FormatError)) throw new Error(`seed ${seed}, round ${round}`, { cause: error });
    }
    if (round % 250 === 0) assert.ok(process.memoryUsage.rss() - before < MOST_MEMORY, `round ${round}: ${process.memoryUsage.rss() - before} bytes`);
  }
  return readable;
}

test('mutated ISF files are read or refused', () => {
  const plain = isfFile();
  const files = [plain, gzipSync(plain, { level: 0 }), xzBytes(plain), xzBytes(plain, { check: 0, stored: true, chunk: 500 })];
  const readable = rounds(ROUNDS, SEED, (next) => {
    const kind = Math.floor(next() * (files.length + 2));
    const file = kind >= files.length ? mutatedJson(next) : mutated(files[kind]!, next);
    isfIdentity(isfText(file));
    return isfTable(file);
  });
  assert.ok(readable > ROUNDS / 50 && readable < ROUNDS, `${readable} of ${ROUNDS} were readable`);
});

test('mutated PDB files are read or refused', () => {
  const files = [pdbBytes(kernelPdb({ blockSize: 512 })), pdbBytes(kernelPdb()), pdbBytes(kernelPdb({ moved: { sections: [0x1000], map: [[0, 0x1000], [0x1008, 0]] } }))];
  const readable = rounds(ROUNDS, SEED + 1, (next) => {
    const source = bytesSource(mutated(files[Math.floor(next() * files.length)]!, next));
    pdbIdentity(source);
    return pdbTable(source, 'ntkrnlmp.pdb');
  });
  assert.ok(readable > ROUNDS / 50 && readable < ROUNDS, `${readable} of ${ROUNDS} were readable`);
});

const real = fileURLToPath(new URL('../../../../shared/testdata/pdb/getsentry+symbolic/symbolic-testutils/fixtures/windows/CrashWithException.pdb', import.meta.url));

test('a mutated real PDB is read or refused', { skip: existsSync(real) ? false : `${real} is not there` }, () => {
  const file = readFileSync(real);
  const readable = rounds(ROUNDS / 10, SEED + 2, (next) => pdbTable(bytesSource(mutated(file, next)), 'crash.pdb'));
  assert.ok(readable > 0, `${readable} of ${ROUNDS / 10} were readable`);
});

test('mutated cached profiles are read or refused', () => {
  const packed = packTable(isfTable(isfFile()), { path: '/k.pdb', size: 1, mtimeMs: 1 });
  const next = seeded(SEED + 3);
  for (let round = 0; round < ROUNDS / 5; round += 1) {
    try {
      const profile = unpackTable(mutated(packed, next)).profile('');
      profile.field('_EPROCESS', 'ActiveProcessLinks.Flink');
      profile.symbol('NtClose');
    } catch (error) {
      if (!(error instanceof FormatError)) throw new Error(`round ${round}`, { cause: error });
    }
  }
});
