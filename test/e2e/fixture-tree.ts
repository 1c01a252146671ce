import { isMainThread } from 'node:worker_threads';
import { control } from '../../src/vfs/control.js';
import { directory, listing } from '../../src/vfs/directory.js';
import type { BytesFile, Node } from '../../src/vfs/node.js';
import { spooled } from '../../src/vfs/spooled.js';
import { tableFile } from '../../src/vfs/table.js';
import { text } from '../../src/vfs/text.js';
import { memoryWindow } from '../../src/vfs/window.js';
import type { Table } from '../../src/vfs/column.js';
import type { ServedTree } from '../../mount/serve.js';
import { registryDirectory } from '../../mount/tree/registry.js';
import { dword, sz, type KeyToWrite } from '../support/hive-bytes.js';
import { sourceOf, writtenSet } from '../support/hive-sets.js';

export interface FixtureFacts {
  /** A host file to serve. */
  readonly host: string;
  /** Entries of `many`. */
  readonly many: number;
  /** Bytes of memory.pmem. */
  readonly memory: number;
}

/** 2023-02-01 09:54:30.1234567 UTC. */
export const CAPTURE = 133_197_188_701_234_567n;
/** 2021-05-04 03:02:01 UTC. */
export const DIR_TIME = 132_645_709_210_000_000n;
/** 1965-01-01. */
const BEFORE_UNIX = 114_866_208_000_000_000n;

interface Row { readonly n: number; readonly name: string }

const ROWS: Table<Row> = {
  name: 'rows', doc: 'Rows.', heading: '   #      N Name', index: 4,
  columns: [
    { name: 'n', csv: 'N', kind: 'decimal', value: (row) => row.n, text: { width: 6, align: 'right' }, doc: '' },
    { name: 'name', csv: 'Name', kind: 'text', value: (row) => row.name, text: { width: 20, align: 'left' }, doc: '' },
  ],
};

function* rows(count: number): Generator<Row> {
  for (let n = 0; n < count; n += 1) yield { n, name: `row ${n} ä` };
}

const slowBytes = (render: () => Uint8Array): BytesFile => ({ kind: 'bytes', cost: 'slow', render });
const where = (): string => (isMainThread ? 'main' : 'worker');

/** A byte of the memory: a pattern that differs from page to page; the third MiB is absent. */
const HOLE = { start: 2 << 20, end: 3 << 20 };
function fill(offset: number, target: Uint8Array): number {
  let missing = 0;
  for (let at = 0; at < target.length;) {
    const address = offset + at;
    const step = Math.min(target.length - at, 4096 - (address % 4096));
    const absent = address >= HOLE.start && address < HOLE.end;
    target.fill(absent ? 0 : 1 + (Math.floor(address / 4096) % 250), at, at + step);
    if (absent) missing += step;
    at += step;
  }
  return missing;
}

/** Hives with names of every kind, links, and more than is held in memory when it is exported. */
export const LONG_NAME = `${'k'.repeat(254)}ü`;
const HIVES: Readonly<Record<string, KeyToWrite>> = {
  'HKLM\\SYSTEM': { name: 'ROOT', keys: [
    { name: 'ControlSet001', keys: [{ name: 'Control', values: [{ name: 'Here', type: 4, data: dword(0x2a) }] }] },
    { name: 'Select', values: [{ name: 'Current', type: 4, data: dword(1) }] },
  ] },
  'HKLM\\SOFTWARE': { name: 'ROOT', keys: [
    { name: 'Classes', keys: [{ name: '.txt', values: [{ name: '', type: 1, data: sz('machine') }] }, { name: '.zip' }] },
    { name: 'Large', values: Array.from({ length: 8 }, (_, i) => ({ name: `v${i}`, type: 3, data: Buffer.alloc(200_000, i) })) },
    { name: 'Names', keys: [{ name: 'a/b' }, { name: 'nul\0\x1b[31m' }, { name: LONG_NAME }, { name: '..' }], values: [{ name: 'C:\\x/y', type: 1, data: sz('value') }] },
  ] },
  'HKU\\S-1-5-21-1-2-3-1001': { name: 'ROOT', keys: [{ name: 'Software' }] },
  'HKU\\S-1-5-21-1-2-3-1001_Classes': { name: 'ROOT', keys: [{ name: '.txt', values: [{ name: '', type: 1, data: sz('user') }] }] },
};

/** A tree of every kind of node, and of things that go wrong. */
export function fixtureTree(facts: FixtureFacts): ServedTree {
  let opens = 0;
  let joined = 0;
  let value = '';
  let rules = '';
  let taken = 0;
  const refuse = (given: string): string | undefined => (given.includes('bad') ? 'it is bad' : undefined);
  const names = Array.from({ length: facts.many }, (_, i) => `entry-${String(i).padStart(4, '0')}.txt`);
  const one = (name: string): Node => text(() => `${name}\n`);
  const known = new Set(names);
  const root = directory({
    'broken.txt': slowBytes(() => { throw new Error('this file is broken on purpose'); }),
    'broken-quick.txt': { kind: 'bytes', cost: 'quick', render: () => { throw new Error('broken quickly'); } },
    control: directory({
      'value.txt': control(() => `${value.padEnd(4)}\n`, (given) => {
        value = given.trim();
        taken += 1;
      }, { refuses: refuse }),
      'rules.txt': control(() => rules, (given) => { rules = given; }, { appends: true, refuses: (given) => Promise.resolve(refuse(given)) }),
      'answer.txt': text(() => `the value is "${value}"\n`, { volatile: true }),
      'taken.txt': text(() => `${taken}\n`, { volatile: true }),
    }),
    'digest.bin': text(() => 'bytes\n', {
      xattrs: () => ({ 'user.quick': '1' }), slowXattrs: { names: ['user.where', 'user.absent'], read: () => ({ 'user.where': where() }) },
    }),
    dir: directory({ 'inner.txt': text(() => 'inner\n'), deep: directory({ 'leaf.txt': text(() => 'leaf\n', { mtime: CAPTURE }) }) }, { mtime: DIR_TIME }),
    'empty.txt': text(() => ''),
    'fatal.txt': slowBytes(() => process.exit(3)),
    'hello.txt': text(() => 'hello\n', { xattrs: () => ({ 'user.memlens.address': '0xffff800000000000' }) }),
    'host.bin': spooled(facts.host),
    'joined.txt': text(() => `joined ${joined}\n`),
    'large.txt': tableFile(ROWS, () => rows(150_000), { cost: 'slow' }),
    link: { kind: 'link', target: 'dir/inner.txt' },
    many: listing({ entries: () => names.map((name) => [name, one(name)] as const), lookup: (name) => (known.has(name) ? one(name) : undefined) }),
    'memory.pmem': memoryWindow({
      read: () => undefined, fill,
      *runs(start: number, end: number) {
        if (start < HOLE.start) yield { start, length: Math.min(end, HOLE.start) - start };
        if (end > HOLE.end) yield { start: Math.max(start, HOLE.end), length: end - Math.max(start, HOLE.end) };
      },
    }, 0, facts.memory),
    'old.txt': text(() => 'old\n', { mtime: BEFORE_UNIX }),
    'quick-large.txt': tableFile(ROWS, () => rows(150_000)),
    registry: () => registryDirectory(sourceOf(writtenSet(HIVES))),
    'rows.txt': tableFile(ROWS, () => rows(20)),
    'slow-dir': listing({ entries: () => [[`listed-by-${where()}.txt`, one('x')]], lookup: () => one('x') }, { cost: 'slow' }),
    'volatile.txt': text(() => { opens += 1; return `read ${opens % 10}\n`; }, { volatile: true }),
    'where.txt': slowBytes(() => Buffer.from(`${where()}\n`)),
    'Ünïcode %2F name.txt': text(() => 'name\n'),
  });
  return { root, captureTime: CAPTURE, join: () => { joined += 1; } };
}
