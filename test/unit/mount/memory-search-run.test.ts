import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_HITS, type SearchOrder, type SearchQuestion } from '../../../mount/memory-search-protocol.js';
import { runSearch, type SearchOutcome, type SearchRunner } from '../../../mount/memory-search-run.js';
import { textQuery } from '../../../src/search/query.js';
import { machine, type Machine } from '../../support/machine.js';

const PID = 1004;
const START = 0x1_0000_0000n;
const PAGE = 0x1000n;
const RULES = 'rule head : first { meta: author = "me" condition: uint16(0) == 0x4d4d } rule text { strings: $a = "hooked_func" wide ascii condition: $a }';

/** Three pages whose frames lie the wrong way round; a text goes over the border of the first two. */
function split(): Machine {
  const bytes = Buffer.alloc(0x3000, 0x2e);
  bytes.write('MM', 0, 'latin1');
  bytes.write('hooke', 0xffb, 'latin1');
  bytes.write('d_func', 0x2000, 'latin1');
  bytes.write('hooked_func', 0x1800, 'utf16le');
  const made = machine().process({ name: 'a.exe', pid: PID, vads: [{ start: START, pages: 3, bytes }] });
  const { space } = made.built(PID);
  const frames = [0n, 1n, 2n].map((page) => space.translate(START + page * PAGE)!);
  space.map(START + PAGE, frames[2]!, 0x8000_0000_0000_0067n);
  space.map(START + 2n * PAGE, frames[1]!, 0x8000_0000_0000_0067n);
  return made;
}

const RUNNER: SearchRunner = { cancelled: () => false, progress: () => undefined, found: () => undefined, watch: () => undefined };

function search(made: Machine, question: SearchQuestion, given: Partial<SearchOrder> = {}, runner: Partial<SearchRunner> = {}): Promise<SearchOutcome> {
  const { windows, image } = made.opened();
  const process = windows?.process(PID);
  return runSearch({ windows, physical: image.memory }, {
    scope: { kind: 'process', address: process?.address ?? 0n }, question, min: 0n, max: 2n ** 64n - 1n, ...given,
  }, { ...RUNNER, ...runner });
}

const hook = textQuery('hooked_func') as SearchQuestion;
const addresses = ({ hits }: SearchOutcome): string[] => hits.map(({ address, encoding }) => `${(address - START).toString(16)} ${encoding ?? ''}`);

test('a text that lies across two pages whose frames are far apart is found at its virtual address', async () => {
  const outcome = await search(split(), hook);
  assert.deepEqual(addresses(outcome), ['ffb ascii', '2800 utf16']);
  assert.equal(outcome.complete, true);
  const [first] = outcome.hits;
  assert.equal(Buffer.from(first!.context).toString('latin1'), '........hooked_func.............');
  assert.equal(first!.before, 8);
  assert.deepEqual([first!.owner?.pid, first!.owner?.process], [PID, 'a.exe']);
  assert.match(first!.owner?.region ?? '', /\+0xffb$/);
});

test('expressions, bytes and YARA rules find it there too', async () => {
  assert.deepEqual(addresses(await search(split(), textQuery('/HOOKED_f.nc/i') as SearchQuestion)), ['ffb ascii', '2800 utf16']);
  const value = Buffer.from('ked_f');
  assert.deepEqual(addresses(await search(split(), { kind: 'bytes', value, ignore: new Uint8Array(5), align: 1 })), ['ffe ']);
  const found = await search(split(), { kind: 'yara', rules: RULES });
  assert.deepEqual(found.hits.map(({ rule, address, length }) => `${rule?.name} ${rule?.pattern ?? '-'} ${(address - START).toString(16)} ${length}`),
    ['head - 0 0', 'text $a ffb 11', 'text $a 2800 22']);
  assert.deepEqual(found.hits[0]?.rule?.tags, ['first']);
  assert.deepEqual(found.hits[0]?.rule?.meta, { author: 'me' });
});

test('a linear search of physical memory misses what is split, and says who has what it finds', async () => {
  const made = split();
  const { windows, image } = made.opened();
  const outcome = await runSearch({ windows, physical: image.memory }, { scope: { kind: 'physical' }, question: hook, min: 0n, max: 2n ** 64n - 1n }, RUNNER);
  assert.equal(outcome.hits.length, 1);
  const [hit] = outcome.hits;
  assert.equal(hit?.encoding, 'utf16');
  assert.equal(Number(hit?.address), made.built(PID).space.translate(START + 0x2800n));
  assert.deepEqual([hit?.owner?.pid, hit?.owner?.address], [PID, START + 0x2800n]);
});

test('limits and alignment are kept', async () => {
  assert.deepEqual(addresses(await search(split(), hook, { min: START + 0xffcn })), ['2800 utf16']);
  assert.deepEqual(addresses(await search(split(), hook, { max: START + 0x2000n })), ['ffb ascii']);
  assert.deepEqual(addresses(await search(split(), hook, { max: START + 0x1003n })), [], 'its end lies behind the limit');
  const value = Buffer.from('..');
  const { hits } = await search(split(), { kind: 'bytes', value, ignore: new Uint8Array(2), align: 0x800 });
  assert.deepEqual(hits.map(({ address }) => address - START), [0x800n, 0x1800n, 0x2000n]);
});

test('what fits everywhere ends at the most hits, and says so', async () => {
  const zeros = machine().process({ name: 'a.exe', pid: PID, vads: [{ start: START, pages: 32, bytes: Buffer.alloc(32 * 4096, 1) }] });
  const outcome = await search(zeros, { kind: 'bytes', value: Buffer.from([1]), ignore: new Uint8Array(1), align: 1 });
  assert.equal(outcome.hits.length, MAX_HITS);
  assert.equal(outcome.complete, false);
  assert.match(outcome.remark ?? '', /Stopped at 65536 hits/);
  const rules = await search(zeros, { kind: 'yara', rules: 'rule everything { strings: $a = { 01 } condition: $a } rule always { condition: true }' });
  assert.ok(rules.hits.length > 1 && rules.hits.length <= MAX_HITS);
  assert.match(rules.remark ?? '', /matched more than 4096 times/);
});

test('a search that nobody wants any more ends', async () => {
  let asked = 0;
  const big = machine({ memory: 16 << 20 }).process({ name: 'a.exe', pid: PID, vads: [{ start: START, pages: 2048, bytes: Buffer.alloc(2048 * 4096, 0x61) }] });
  const outcome = await search(big, hook, {}, { cancelled: () => (asked += 1) > 3 });
  assert.equal(outcome.complete, false);
  assert.ok(outcome.progress.scanned < outcome.progress.total);
});

test('rules that do not compile, and a process that is none, are said', async () => {
  await assert.rejects(search(split(), { kind: 'yara', rules: 'rule x { condition: nothing }' }), /do not compile: line 1, column 21: unknown identifier `nothing`/);
  await assert.rejects(search(split(), { kind: 'yara', rules: 'include "/etc/passwd"' }), /do not compile/);
  await assert.rejects(search(split(), hook, { scope: { kind: 'process', address: 1n } }), /the process is not known/);
});

test('tables that name the same frames again and again do not make a search endless', async () => {
  const made = split();
  const { space } = made.built(PID);
  for (let i = 0n; i < 128n; i += 1n) space.map(0x100_0000_0000n + (i << 30n), 0, 0xe7n, '1 GiB');
  for (const question of [hook, { kind: 'yara', rules: RULES } as const]) {
    const outcome = await search(made, question);
    assert.match(outcome.remark ?? '', /many times what the image holds/);
    assert.equal(outcome.complete, false);
    assert.ok(outcome.progress.scanned <= outcome.progress.total + (16 << 20));
  }
});
