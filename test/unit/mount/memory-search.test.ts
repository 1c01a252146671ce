import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { MemorySearch } from '../../../mount/memory-search.js';
import type { ScopeSearch, SearchState } from '../../../mount/search-service.js';
import { openTree, type TreeFacts } from '../../../mount/tree/root.js';
import type { ControlFile, Directory } from '../../../src/vfs/node.js';
import { machine } from '../../support/machine.js';
import { directoryAt, listed, nodeAt } from './tree/nodes.js';

const PID = 1004;
const START = 0x1_0000_0000n;

const folder = mkdtempSync(join(tmpdir(), 'memlens-test-'));
const path = join(folder, 'image.raw');
const bytes = Buffer.alloc(0x40000, 0x61);
bytes.write('hooked_func', 0xffb, 'latin1');
bytes.write('hooked_func', 0x20000, 'utf16le');
machine().process({ name: 'a.exe', pid: PID, vads: [{ start: START, pages: 0x40, bytes }] }).save(path);

const facts: { now?: TreeFacts } = {};
const service = new MemorySearch<TreeFacts | undefined>(new URL('../../../mount/memory-search-worker.js', import.meta.url), join(folder, 'results'), () => facts.now, { patience: 1 });
const tree = openTree({ path }, undefined, true, service);
facts.now = tree.facts;

after(async () => {
  await service.close();
  tree.close();
  assert.equal(existsSync(join(folder, 'results')), false);
  rmSync(folder, { recursive: true });
});

const at = (kind: string): Directory => directoryAt(tree.root, `pid/${PID}/search/${kind}`);
const control = (directory: Directory, name: string): ControlFile => {
  const node = directory.lookup(name);
  assert.equal(node?.kind, 'control', name);
  return node as ControlFile;
};

/** What a file of the tree holds. */
function read(directory: Directory, name: string): string {
  const node = directory.lookup(name);
  if (node?.kind === 'host') return readFileSync(node.path, 'utf8');
  if (node?.kind === 'control') return node.read();
  assert.equal(node?.kind, 'bytes', name);
  return node?.kind === 'bytes' ? Buffer.from(node.render()).toString() : '';
}

/** As the mount does it: asks first, then writes. */
async function write(directory: Directory, name: string, text: string): Promise<void> {
  const file = control(directory, name);
  assert.equal(await file.refuses?.(text), undefined);
  file.write(text);
}

async function until(directory: Directory, states: readonly SearchState[]): Promise<string> {
  for (;;) {
    const status = read(directory, 'status.txt');
    if (states.some((state) => status.includes(`Status:          ${state}\n`))) return status;
    await new Promise((resolve) => { setTimeout(resolve, 10); });
  }
}

const DONE: readonly SearchState[] = ['COMPLETED', 'STOPPED', 'FAILED'];

test('before a search its result is an empty table, and nothing has been started', () => {
  assert.match(read(at('strings'), 'status.txt'), /^Status: {10}NOT_STARTED\n/);
  assert.match(read(at('strings'), 'result.txt'), /^ {3}# {10}Address .*\n-+ *\n$/);
  assert.equal(read(at('bin'), 'result.txt'), '');
  assert.equal(read(at('bin'), 'addr-max.txt'), '00007fffffffffff\n');
  assert.equal(read(at('bin'), 'align.txt'), '0001\n');
  assert.equal(read(directoryAt(tree.root, 'pid/4/search/bin'), 'addr-max.txt'), 'ffffffffffffffff\n');
});

test('a text that is written to query.txt is found, and shown with its region and context', async () => {
  const strings = at('strings');
  await write(strings, 'query.txt', 'hooked_func\n');
  const status = await until(strings, DONE);
  assert.match(status, /Search hits: {5}2\nProgress: {8}100 %\n/);
  assert.equal(read(strings, 'query.txt'), 'hooked_func\n');
  const [, , first, second] = read(strings, 'result.txt').split('\n');
  assert.match(first ?? '', /^0000 0000000100000ffb ascii \S.*\+0xffb +aaaaaaaahooked_funcaaaaaaaaaaaaa/);
  assert.match(second ?? '', /^0001 0000000100020000 utf16 .*hooked_func/);
  assert.match(read(strings, 'result.csv'), /^Address,Encoding,Length,PID,Process,Region,Context,ContextHex\n0x100000ffb,ascii,11,1004,a.exe,/);
  assert.equal(JSON.parse(read(strings, 'result.jsonl').split('\n')[0] ?? '').address, '0x0000000100000ffb');
  assert.ok(!listed(strings).includes('result.csv'));
});

test('bytes are searched with mask, alignment and limits, and reset.txt forgets them', async () => {
  const bin = at('bin');
  await write(bin, 'align.txt', '1000');
  await write(bin, 'addr-min.txt', `0x${START.toString(16)}`);
  await write(bin, 'addr-max.txt', (START + 0x2fffn).toString(16));
  await write(bin, 'search.txt', '61 ?1 61');
  await until(bin, DONE);
  assert.equal(read(bin, 'result.txt'), '0000000100000000\n0000000100002000\n');
  await write(bin, 'search-skip-bitmask.txt', '00ff');
  await write(bin, 'align.txt', '0001');
  await write(bin, 'search.txt', '686f6f');
  await until(bin, DONE);
  assert.equal(read(bin, 'result.txt'), '0000000100000ffb\n');
  await write(bin, 'reset.txt', '0');
  assert.equal(read(bin, 'search.txt'), '686f6f\n');
  await write(bin, 'reset.txt', '1\n');
  assert.match(read(bin, 'status.txt'), /NOT_STARTED/);
  assert.deepEqual(['search.txt', 'align.txt', 'addr-min.txt', 'result.txt'].map((name) => read(bin, name)), ['', '0001\n', '0000000000000000\n', '']);
});

test('a pointer is searched in the order of its bytes', async () => {
  const bin = at('bin');
  await write(bin, 'ptr64.txt', Buffer.from('hooked_f').reverse().toString('hex'));
  await until(bin, DONE);
  assert.equal(read(bin, 'result.txt'), '', 'it does not lie at a multiple of eight');
  assert.equal(read(bin, 'search.txt'), `${Buffer.from('hooked_f').toString('hex')}\n`);
  await write(bin, 'reset.txt', '1');
});

test('YARA rules are held against memory, and those that do not compile are refused', async () => {
  const yara = at('yara');
  assert.match(await control(yara, 'yara-rules.txt').refuses?.('rule x { condition: y }') ?? '', /^The rules do not compile: line 1, column 21: unknown identifier `y`/);
  await write(yara, 'yara-rules.txt', 'rule hook : bad { meta: author = "me" strings: $a = "hooked_func" ascii wide condition: $a }\n');
  const status = await until(yara, DONE);
  assert.match(status, /Search hits: {5}2\n/);
  assert.match(read(yara, 'result.txt'), /hook +\$a +0000000100000ffb /);
  assert.match(read(yara, 'result-v.txt'), /^rule {2}hook\ntags {2}bad\nmeta {2}author=me\nhits {2}2\n {2}0000000100000ffb {2}\$a {2}11 bytes/);
});

test('what cannot be searched is refused with a sentence', async () => {
  const refused = async (kind: string, name: string, text: string): Promise<string> => String(await control(at(kind), name).refuses?.(text));
  assert.match(await refused('strings', 'query.txt', ''), /empty/);
  assert.match(await refused('strings', 'query.txt', 'x'.repeat(16 << 20)), /characters/);
  assert.match(await refused('bin', 'search.txt', 'hello'), /in hex/);
  assert.match(await refused('bin', 'search.txt', '????'), /everything would fit/);
  assert.match(await refused('bin', 'align.txt', '3'), /power of two/);
  assert.match(await refused('bin', 'align.txt', '2000'), /power of two/);
  assert.match(await refused('bin', 'addr-min.txt', 'kernel'), /address in hex/);
  assert.match(await refused('bin', 'ptr32.txt', '100000000'), /pointer of 32 bits/);
  assert.match(await refused('bin', 'reset.txt', 'please'), /Write 1/);
  assert.match(await refused('yara', 'yara-rules.txt', '  '), /no rules/);
});

test('an expression that never ends is ended, and said; the next search works', async () => {
  const strings = at('strings');
  await write(strings, 'query.txt', '/(a+)+b/');
  const status = await until(strings, DONE);
  assert.match(status, /Status: {10}FAILED\n[^]*Remark: {10}The expression took more than 1 s on one piece of memory/);
  await write(strings, 'query.txt', 'hooked_func');
  assert.match(await until(strings, DONE), /COMPLETED[^]*Search hits: {5}2\n/);
});

test('a new search takes the place of the one that runs, and one may be ended', async () => {
  const physical = directoryAt(tree.root, 'misc/search/strings');
  const strings = at('strings');
  await write(physical, 'query.txt', '/[a-z]{3,9}_[f-g]unc/');
  await write(strings, 'query.txt', 'nothing of the kind');
  await write(physical, 'query.txt', 'hooked_func');
  await write(strings, 'reset.txt', '1');
  assert.match(read(strings, 'status.txt'), /CANCELLED|NOT_STARTED/);
  assert.match(await until(physical, DONE), /COMPLETED/);
  assert.match(read(physical, 'result.txt'), /utf16 +1004 a\.exe +0000000100020000 .*hooked_func/);
});

test('a tree that is not mounted says that it does not search', async () => {
  const alone = openTree({ ...tree.facts }, undefined, false);
  const query = nodeAt(alone.root, `pid/${PID}/search/strings/query.txt`) as ControlFile;
  assert.match(String(await query.refuses?.('x')), /in a mount/);
  query.write('x');
  assert.equal(query.read(), '');
  alone.close();
});

test('only so many searches are remembered', () => {
  const first = service.searches({ kind: 'process', address: 1n }, 'bin');
  assert.equal(service.searches({ kind: 'process', address: 1n }, 'bin'), first);
  for (let i = 2n; i < 1200n; i += 1n) service.searches({ kind: 'process', address: i }, 'bin');
  const again: ScopeSearch = service.searches({ kind: 'process', address: 1n }, 'bin');
  assert.notEqual(again, first);
});
