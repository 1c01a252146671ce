import assert from 'node:assert/strict';
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { openRemembered, type Opening, type OpeningChoices } from '../../../mount/opening.js';
import { imageKey, OpeningCache } from '../../../mount/opening-cache.js';
import { parseRecord, recordText, type OpeningRecord } from '../../../mount/opening-record.js';
import { FormatError } from '../../../src/bytes/errors.js';
import { scanPool } from '../../../src/windows/pool-scan.js';
import type { ScanResult } from '../../../mount/scan-client.js';
import { machine } from '../../support/machine.js';

const folder = mkdtempSync(join(tmpdir(), 'memlens-cache-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const path = join(folder, 'image.raw');
const work = join(folder, 'work');
const records = join(work, 'openings');
const SIZE = 4 << 20;
const UNKNOWN = '0123456789ABCDEF0123456789ABCDEF-1';
const made = machine({ memory: SIZE }).process({ name: 'a.exe', pid: 520 }).process({ name: 'hidden.exe', pid: 528, linked: false });

beforeEach(() => {
  rmSync(work, { recursive: true, force: true });
  made.save(path);
});

async function open(choices: Partial<OpeningChoices> = {}, log: (line: string) => void = assert.fail): Promise<Opening> {
  const opening = await openRemembered(path, { work, cache: true, overrides: {}, symbolFolders: [], ...choices }, log);
  opening.tree.close();
  return opening;
}

/** Opens and remembers the scan. */
async function opened(): Promise<{ opening: Opening; scan: ScanResult }> {
  const opening = await openRemembered(path, { work, cache: true, overrides: {}, symbolFolders: [] }, assert.fail);
  const { windows } = opening.tree.opened;
  assert.ok(windows !== undefined);
  const scan = { facts: scanPool(windows.kernel, { start: 0, end: SIZE }), anomalies: [{ where: 'pool scan', what: 'something', address: 0xffff_8000_0000_1000n }] };
  opening.remember(scan);
  opening.tree.close();
  return { opening, scan };
}

const recordFile = (): string => join(records, readdirSync(records)[0]!);

/** Bends the record as JSON. */
function bend(change: (record: Record<string, Record<string, unknown>>) => void): void {
  const text = readFileSync(recordFile(), 'utf8');
  const end = text.indexOf('\n');
  const record = JSON.parse(text.slice(end)) as Record<string, Record<string, unknown>>;
  change(record);
  writeFileSync(recordFile(), `${text.slice(0, end)}\n${JSON.stringify(record)}`);
}

/** Without what is undefined: JSON does not tell it from what is not there. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (!(value instanceof Object)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined).map(([name, one]) => [name, plain(one)]));
}

const same = (actual: unknown, expected: unknown): void => assert.deepEqual(plain(actual), plain(expected));

const isRemembered = async (): Promise<boolean> => (await open()).scan !== undefined;

test('a second opening starts from the first: the same facts and diagnosis, and the scan has joined', async () => {
  const { opening, scan } = await opened();
  const again = await openRemembered(path, { work, cache: true, overrides: {}, symbolFolders: [] }, assert.fail);
  same(again.tree.facts, opening.tree.facts);
  assert.deepEqual(again.scan, scan);
  assert.ok(again.tree.opened.windows?.processes().some(({ pid }) => pid === 528));
  again.tree.close();
  assert.equal(opening.scan, undefined);
});

test('an opening whose scan has not ended is remembered without it', async () => {
  const first = await open();
  const again = await open();
  assert.equal(again.scan, undefined);
  same(again.tree.facts.kernel, first.tree.facts.kernel);
  assert.equal(readdirSync(records).length, 1);
});

test('without the cache nothing is read and nothing is kept', async () => {
  await opened();
  assert.equal((await open({ cache: false })).scan, undefined);
  rmSync(work, { recursive: true });
  await open({ cache: false });
  assert.throws(() => readdirSync(records), /ENOENT/);
});

test('an image that has changed is searched anew: other bytes, another time, another size', async () => {
  for (const change of [
    () => { const fd = openSync(path, 'r+'); writeSync(fd, Buffer.from('changed'), 0, 7, 0x8_0000); closeSync(fd); utimesSync(path, 1e9, 1e9); },
    () => utimesSync(path, 1.1e9, 1.1e9),
    () => { writeFileSync(path, Buffer.concat([made.bytes, Buffer.alloc(4096)])); utimesSync(path, 1e9, 1e9); },
  ]) {
    made.save(path);
    utimesSync(path, 1e9, 1e9);
    await opened();
    assert.ok(await isRemembered());
    change();
    assert.ok(!await isRemembered());
  }
});

test('what was asked for is part of the key', async () => {
  await opened();
  assert.equal((await open({ overrides: { profile: 'none' } })).scan, undefined);
  assert.equal((await open({ symbolFolders: ['/nowhere'] })).scan, undefined);
  assert.ok(await isRemembered());
});

test('a page file is part of the key: its number, and what it is', async () => {
  const pagefile = join(work, 'pagefile.sys');
  mkdirSync(work, { recursive: true });
  writeFileSync(pagefile, Buffer.alloc(8192));
  await opened();
  assert.equal((await open({ pageFiles: [{ number: 0, path: pagefile }] })).scan, undefined);
  const before = readdirSync(records).length;
  await open({ pageFiles: [{ number: 0, path: pagefile }] });
  assert.equal(readdirSync(records).length, before, 'the same again');
  await open({ pageFiles: [{ number: 1, path: pagefile }] });
  writeFileSync(pagefile, Buffer.alloc(12_288));
  await open({ pageFiles: [{ number: 0, path: pagefile }] });
  assert.equal(readdirSync(records).length, before + 2);
  assert.ok(await isRemembered());
});

test('the sampled hash sees the first and the last page', async () => {
  const before = imageKey(path, {});
  for (const at of [0, SIZE - 1]) {
    made.save(path);
    const fd = openSync(path, 'r+');
    writeSync(fd, Buffer.from([0x5a]), 0, 1, at);
    closeSync(fd);
    assert.notEqual(imageKey(path, {}).name, before.name);
  }
});

test('a record that is not as it should be is passed over, and the image is opened all the same', async () => {
  await opened();
  const text = readFileSync(recordFile(), 'utf8');
  const cut = text.indexOf('\n');
  for (const broken of ['', '\n', 'x', `${text.slice(0, cut)}\nnull`, `${text.slice(0, cut)}\n[]`, text.slice(0, text.length / 2), `${text.slice(0, cut)}\n{"kernel":{}}`, '\0'.repeat(100)]) {
    writeFileSync(recordFile(), broken);
    assert.ok((await open()).tree.opened.windows !== undefined);
  }
});

test('a record cannot lead outside the image, or to what no record holds', async () => {
  const bends: readonly ((record: Record<string, Record<string, unknown>>) => void)[] = [
    ({ kernel }) => { kernel!['dtb'] = SIZE; },
    ({ kernel }) => { kernel!['dtb'] = -4096; },
    ({ kernel }) => { kernel!['dtb'] = 0x1001; },
    ({ kernel }) => { kernel!['dtb'] = 1e300; },
    ({ kernel }) => { kernel!['base'] = '0x1000'; },
    ({ kernel }) => { kernel!['base'] = '0xfffff8012e8000000'; },
    ({ kernel }) => { kernel!['base'] = 12; },
    ({ kernel }) => { kernel!['mode'] = 'x65'; },
    ({ kernel }) => { kernel!['size'] = 2 ** 40; },
    ({ kernel }) => { kernel!['profile'] = { layouts: { from: 'elsewhere' } }; },
    ({ kernel }) => { kernel!['profile'] = { derived: { structs: { _EPROCESS: [1e9, [['a', -1, 'long']]] }, symbols: {} } }; },
    ({ kernel }) => { kernel!['profile'] = { derived: { structs: {}, symbols: { a: 2 ** 33 } } }; },
    ({ scan }) => { (scan!['facts'] as Record<string, unknown>)['processes'] = ['0x1000']; },
    ({ scan }) => { (scan!['facts'] as Record<string, unknown>)['scanned'] = SIZE + 1; },
    ({ scan }) => { scan!['anomalies'] = [{ where: 1, what: 'x' }]; },
    ({ diagnosis }) => { diagnosis!['dtbs'] = [{}]; },
    ({ diagnosis }) => { diagnosis!['degraded'] = Array.from({ length: 100_000 }, () => 'x'); },
    ({ diagnosis }) => { diagnosis!['profile'] = 'exact'; },
  ];
  for (const change of bends) {
    rmSync(work, { recursive: true, force: true });
    await opened();
    bend(change);
    const { scan, tree } = await open();
    assert.equal(scan, undefined, String(change));
    assert.ok(tree.opened.windows !== undefined, String(change));
  }
});

test('a record of a profile that is not there any more is not followed', async () => {
  await opened();
  bend(({ kernel }) => { kernel!['profile'] = { layouts: { from: 'bundled', id: UNKNOWN } }; });
  const { scan, tree } = await open();
  assert.equal(scan, undefined);
  assert.equal(tree.opened.diagnosis.profile?.source, 'exact');
});

test('a link, a folder or another\'s file in the place of a record is not read', async () => {
  await opened();
  const file = recordFile();
  const text = readFileSync(file);
  rmSync(file);
  writeFileSync(join(folder, 'elsewhere'), text);
  symlinkSync(join(folder, 'elsewhere'), file);
  assert.equal(new OpeningCache(records).find(imageKey(path, {})), undefined);
  assert.ok(!await isRemembered());
  rmSync(records, { recursive: true });
  await opened();
  rmSync(recordFile());
  mkdirSync(file);
  assert.equal((await open({}, () => undefined)).scan, undefined);
});

test('the folder stays within its limits: what was not used longest goes first', async () => {
  const { opening: { tree: { facts: { kernel, diagnosis } } } } = await opened();
  const cache = new OpeningCache(records);
  const mine = readdirSync(records)[0]!;
  for (let i = 0; i < 300; i += 1) {
    const name = i.toString(16).padStart(32, '0');
    writeFileSync(join(records, `${name}.json`), 'x');
    utimesSync(join(records, `${name}.json`), 1e9 + i, 1e9 + i);
  }
  writeFileSync(join(records, `${'a'.repeat(32)}.77`), 'left by a process that died');
  utimesSync(join(records, `${'a'.repeat(32)}.77`), 1e9, 1e9);
  writeFileSync(join(records, 'notes.txt'), 'not ours');
  cache.keep({ name: 'f'.repeat(32), size: SIZE, changed: '1' }, { kernel: kernel!, diagnosis: diagnosis!, scan: undefined });
  const left = readdirSync(records);
  assert.equal(left.filter((name) => name.endsWith('.json')).length, 256);
  assert.ok(left.includes(mine) && left.includes(`${'f'.repeat(32)}.json`) && left.includes('notes.txt'));
  assert.ok(!left.includes(`${'0'.repeat(32)}.json`) && !left.includes(`${'a'.repeat(32)}.77`));
});

test('a folder that cannot be written is one line, and the image is open', { skip: process.getuid?.() === 0 ? 'root may write everywhere' : false }, async () => {
  mkdirSync(work, { recursive: true });
  chmodSync(work, 0o500);
  const lines: string[] = [];
  assert.ok((await open({}, (line) => lines.push(line))).tree.opened.windows !== undefined);
  assert.match(lines.join(), /cannot be kept .*--no-cache/);
  chmodSync(work, 0o700);
});

test('what was derived is remembered too: a kernel that no table knows opens to the same processes', async () => {
  machine({ memory: SIZE, symbolFile: UNKNOWN }).process({ name: 'a.exe', pid: 520 }).process({ name: 'b.exe', pid: 528 }).save(path);
  const first = await openRemembered(path, { work, cache: true, overrides: {}, symbolFolders: [] }, assert.fail);
  const again = await openRemembered(path, { work, cache: true, overrides: {}, symbolFolders: [] }, assert.fail);
  assert.equal(again.tree.facts.kernel?.profile?.layouts?.from, 'layouts');
  same(again.tree.facts, first.tree.facts);
  assert.deepEqual(again.tree.opened.windows?.processes().map(({ pid }) => pid), [4, 520, 528]);
  first.tree.close();
  again.tree.close();
});

test('a record reads back as it was written', async () => {
  const { opening: { tree: { facts: { kernel, diagnosis } } }, scan } = await opened();
  const record: OpeningRecord = { kernel: kernel!, diagnosis: diagnosis!, scan };
  const read = parseRecord(recordText(record), SIZE);
  same(read.kernel, kernel);
  assert.deepEqual(read.scan, scan);
  same({ ...read.diagnosis, container: diagnosis!.container }, diagnosis);
  assert.throws(() => parseRecord('{', SIZE), FormatError);
});

test('an image whose kernel only a search finds is searched in a worker, which tells how far it is', async () => {
  const hidden = machine({ memory: SIZE, startBlock: false }).process({ name: 'a.exe', pid: 520 });
  hidden.save(path);
  const told: number[] = [];
  const opening = await openRemembered(path, { work, cache: false, overrides: {}, symbolFolders: [] }, assert.fail, undefined, (percent) => told.push(percent));
  assert.deepEqual(opening.tree.opened.windows?.processes().map(({ pid }) => pid), [4, 520]);
  assert.ok(told.length > 0 && told.every((percent) => percent >= 0 && percent <= 100));
  opening.tree.close();
});

test('an image without Windows is searched once, and its tree says so in every thread', async () => {
  writeFileSync(path, Buffer.alloc(SIZE));
  const opening = await openRemembered(path, { work, cache: false, overrides: {}, symbolFolders: [] }, assert.fail);
  assert.equal(opening.tree.opened.windows, undefined);
  assert.ok(opening.tree.facts.diagnosis !== undefined && opening.tree.facts.kernel === undefined);
  opening.tree.close();
});
