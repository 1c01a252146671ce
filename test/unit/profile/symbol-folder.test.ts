import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { FormatError } from '../../../src/bytes/errors.js';
import { isfTable } from '../../../src/profile/isf.js';
import { packTable, unpackTable } from '../../../src/profile/symbol-cache.js';
import { locateSymbols, storePath, symbolsFor, type WantedSymbols } from '../../../src/profile/symbol-folder.js';
import { isfFile } from '../../support/isf-json.js';
import { kernelPdb, pdbBytes } from '../../support/pdb-bytes.js';
import { xzBytes } from '../../support/xz-bytes.js';

const root = mkdtempSync(join(tmpdir(), 'memlens-symbols-'));
after(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;

/** A new folder with these files. */
function folder(files: Readonly<Record<string, Buffer>> = {}): string {
  const path = join(root, String(folders += 1));
  mkdirSync(path);
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), bytes);
  }
  return path;
}

const PDB: WantedSymbols = { pdbName: 'ntkrnlmp.pdb', guid: '33221100554477668899AABBCCDDEEFF', age: 1, version: '10.0.19041.1' };
const ISF: WantedSymbols = { ...PDB, guid: '00112233445566778899AABBCCDDEEFF' };
const pdb = pdbBytes(kernelPdb());

test('symbols are found in the layouts of a symbol store, of Volatility, and in any file below', () => {
  const isf = isfFile();
  for (const [wanted, files] of [
    [PDB, { [`ntkrnlmp.pdb/${PDB.guid}1/ntkrnlmp.pdb`]: pdb }],
    [PDB, { [`ntkrnlmp.pdb/${PDB.guid.toLowerCase()}1/ntkrnlmp.pdb`]: pdb }],
    [PDB, { 'downloads/of today/kernel.PDB': pdb }],
    [ISF, { [`ntkrnlmp.pdb/${ISF.guid}-1.json.xz`]: xzBytes(isf) }],
    [ISF, { [`symbols/windows/ntkrnlmp.pdb/${ISF.guid}-1.json`]: isf }],
    [ISF, { [`${ISF.guid}-1.json.gz`]: gzipSync(isf) }],
    [ISF, { 'notes.json': Buffer.from('{}'), 'a/b/mine.json.gz': gzipSync(isf) }],
  ] as const) {
    const profile = symbolsFor([folder(), folder(files as unknown as Record<string, Buffer>)], wanted);
    assert.equal(profile?.symbol('PsActiveProcessHead'), 0x20_0040, Object.keys(files)[0]);
    assert.deepEqual([profile.id, profile.build, profile.source, profile.label], [`${wanted.guid}-1`, 19041, 'exact', 'symbols of ntkrnlmp.pdb']);
  }
});

test('a file of another GUID or age is not taken, whatever it is called', () => {
  const path = folder({ [`ntkrnlmp.pdb/${ISF.guid}1/ntkrnlmp.pdb`]: pdb, [`ntkrnlmp.pdb/${PDB.guid}-1.json`]: isfFile() });
  const notes: string[] = [];
  const note = (sentence: string): void => void notes.push(sentence);
  assert.equal(symbolsFor([path], ISF, { note }), undefined);
  assert.equal(notes.length, 1);
  assert.match(notes[0]!, /passed over: it is of 3322/);
  assert.equal(symbolsFor([path], { ...PDB, guid: '0'.repeat(32) }), undefined);
  assert.equal(symbolsFor([folder({ 'k.pdb': pdb })], { ...PDB, age: 2 }), undefined);
});

test('a PDB that a tool rewrote is found by the age that the image names', () => {
  const path = folder({ 'k.pdb': pdbBytes(kernelPdb({ age: 1, fileAge: 2 })) });
  assert.equal(symbolsFor([path], PDB)?.id, `${PDB.guid}-1`);
});

test('a damaged file is passed over with a word, and the next one is taken', () => {
  const notes: string[] = [];
  const path = folder({ [`ntkrnlmp.pdb/${PDB.guid}1/ntkrnlmp.pdb`]: pdb.subarray(0, pdb.length - 4096), 'z/other.pdb': pdb });
  assert.equal(symbolsFor([path], PDB, { note: (sentence) => notes.push(sentence) })?.symbol('NtClose'), 0x1010);
  assert.match(notes.join('\n'), /ntkrnlmp\.pdb was passed over: the PDB is cut off/);
});

test('what was read once comes from the cache, also when the file is gone, and anew when it has changed', () => {
  const cache = join(folder(), 'symbols');
  const file = `ntkrnlmp.pdb/${PDB.guid}1/ntkrnlmp.pdb`;
  const path = folder({ [file]: pdb });
  const first = symbolsFor([path], PDB, { cache });
  const second = symbolsFor([path], PDB, { cache });
  for (const name of ['_EPROCESS', '_LIST_ENTRY', '_PROCESS_STATE', 'none']) assert.deepEqual(second?.fact(name), first?.fact(name), name);
  for (const name of ['NtClose', 'PsActiveProcessHead', 'SmGlobals', 'A', 'zzz', '']) assert.equal(second?.symbol(name), first?.symbol(name), name);
  assert.deepEqual([second?.id, second?.pointerSize, second?.machine, second?.label], [first?.id, first?.pointerSize, first?.machine, first?.label]);
  writeFileSync(join(path, file), pdbBytes(kernelPdb({ sections: [0x3000, 0x20_0000] })));
  utimesSync(join(path, file), 1, 1);
  assert.equal(symbolsFor([path], PDB, { cache })?.symbol('NtClose'), 0x3010);
  rmSync(join(path, file));
  assert.equal(symbolsFor([], PDB, { cache })?.symbol('NtClose'), 0x3010);
  assert.deepEqual(readdirSync(join(cache, 'profiles')), [`${PDB.guid}-1.br`], 'no unfinished file is left');
});

test('a cached profile that is damaged is made anew', () => {
  const cache = join(folder(), 'symbols');
  const path = folder({ 'k.pdb': pdb });
  assert.ok(symbolsFor([path], PDB, { cache }));
  const kept = join(cache, 'profiles', `${PDB.guid}-1.br`);
  for (const bytes of [Buffer.alloc(0), readFileSync(kept).subarray(0, 40), Buffer.from('noise')]) {
    writeFileSync(kept, bytes);
    assert.equal(symbolsFor([path], PDB, { cache })?.symbol('NtClose'), 0x1010);
  }
  const table = isfTable(isfFile());
  const packed = packTable(table, { path: '/a', size: 1, mtimeMs: 2 });
  assert.deepEqual(unpackTable(packed).source, { path: '/a', size: 1, mtimeMs: 2 });
  assert.throws(() => unpackTable(packed.subarray(0, packed.length - 9)), FormatError);
});

test('what files say inside is remembered, and read again when a file has changed', () => {
  const cache = join(folder(), 'symbols');
  const path = folder({ 'k.json': isfFile() });
  assert.equal(locateSymbols([path], PDB, { cache }), undefined);
  const index = JSON.parse(readFileSync(join(cache, 'index.json'), 'utf8')) as Record<string, unknown[]>;
  assert.deepEqual(index[join(path, 'k.json')]?.slice(2), [ISF.guid, 1]);
  copyFileSync(join(path, 'k.json'), join(path, 'second.json'));
  writeFileSync(join(path, 'k.json'), pdb);
  assert.equal(locateSymbols([path], PDB, { cache }), join(path, 'k.json'));
  for (const damaged of ['', 'x', '5', '[]', '{"/a":[1]}']) {
    writeFileSync(join(cache, 'index.json'), damaged);
    assert.equal(locateSymbols([path], PDB, { cache }), join(path, 'k.json'), damaged);
  }
});

test('symbol files dropped into the cache folder are found', () => {
  const cache = folder({ 'kernel.pdb': pdb });
  assert.equal(symbolsFor([], PDB, { cache })?.symbol('NtClose'), 0x1010);
});

test('folders that are missing, loop or hold other things say so and end', () => {
  const notes: string[] = [];
  const path = folder({ 'a/b/c.txt': pdb, 'short.pdb': Buffer.from('x') });
  symlinkSync('..', join(path, 'a', 'loop'));
  mkdirSync(join(path, 'folder.pdb'));
  assert.equal(symbolsFor([join(path, 'none'), path], PDB, { note: (sentence) => notes.push(sentence) }), undefined);
  assert.equal(notes.length, 1);
  assert.match(notes[0]!, /none cannot be searched/);
});

test('a cache that cannot be written costs the next start time, nothing else', () => {
  const notes: string[] = [];
  const path = folder({ 'k.pdb': pdb, cache: Buffer.from('a file') });
  assert.ok(symbolsFor([path], PDB, { cache: join(path, 'cache'), note: (sentence) => notes.push(sentence) }));
  assert.ok(notes.some((note) => /not kept/.test(note)));
  assert.ok(existsSync(join(path, 'cache')));
});

test('names from the image never lead out of the folders', () => {
  const path = folder({ 'k.pdb': pdb });
  for (const pdbName of ['../../etc/passwd', 'a/b.pdb', '..', '.', '', 'a\0b.pdb', '-'.repeat(500)]) {
    assert.equal(storePath({ ...PDB, pdbName }), undefined, pdbName);
    assert.equal(symbolsFor([path], { ...PDB, pdbName })?.symbol('NtClose'), 0x1010, 'the GUID alone finds it');
  }
  assert.equal(storePath({ ...PDB, guid: '../../../../../../../etc/passwd!' }), undefined);
  assert.equal(storePath({ ...PDB, age: 26 }), `ntkrnlmp.pdb/${PDB.guid}1A/ntkrnlmp.pdb`);
});
