import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultExports, importsOf, parse, sourceFiles, type Import } from './sources.js';

/** The rooms over `bytes`: file formats, paging, profiles, and the tree kit. Those of one layer may use each other, but in no circle. */
const FORMATS = ['image', 'paging', 'profile', 'pe', 'registry', 'compress', 'ntfs', 'evtx', 'prefetch', 'minidump', 'search'].map((room) => `src/${room}`);

/** What a room may import besides itself. A room that is not here may not exist. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'src/bytes': [],
  ...Object.fromEntries(FORMATS.map((room) => [room, ['src/bytes', ...FORMATS]])),
  'src/vfs': ['src/bytes'],
  'src/artefacts': ['src/bytes', 'src/registry', 'src/vfs'],
  'src/windows': ['src/bytes', ...FORMATS, 'src/vfs'],
  'src/tables': ['src/bytes', ...FORMATS, 'src/vfs', 'src/windows'],
  'native-bindings': ['src/bytes'],
  forensic: ['src/bytes', ...FORMATS, 'src/vfs', 'src/artefacts', 'src/windows', 'src/tables', 'native-bindings'],
  mount: ['src/bytes', ...FORMATS, 'src/vfs', 'src/artefacts', 'src/windows', 'src/tables', 'native-bindings', 'forensic'],
};

/** The files of `forensic` that `mount` may know. */
const FORENSIC_FACE = ['forensic/client.ts', 'forensic/tree.ts'];

/** Packages that hold compiled code. */
const NATIVE = ['@litko/yara-x', 'better-sqlite3', 'fuse-native'];

const sources = sourceFiles().map(parse);
const imports = sources.flatMap(importsOf);

function roomOf(file: string): string {
  const [top, second] = file.split('/');
  return top === 'src' ? `src/${second}` : String(top);
}

function isOurs(file: string): boolean {
  return file.endsWith('.ts');
}

function show({ from, to }: Import): string {
  return `${from} imports ${to}`;
}

/** One circle of `graph` as the nodes on it; undefined when there is none. */
function circle(graph: ReadonlyMap<string, ReadonlySet<string>>): string[] | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (node: string): string[] | undefined => {
    if (done.has(node)) return undefined;
    const at = path.indexOf(node);
    if (at >= 0) return [...path.slice(at), node];
    path.push(node);
    for (const next of graph.get(node) ?? []) {
      const found = visit(next);
      if (found !== undefined) return found;
    }
    path.pop();
    done.add(node);
    return undefined;
  };
  for (const node of graph.keys()) {
    const found = visit(node);
    if (found !== undefined) return found;
  }
  return undefined;
}

function graphOf(edges: readonly (readonly [string, string])[]): Map<string, Set<string>> {
  const graph = new Map<string, Set<string>>();
  for (const [from, to] of edges) {
    const targets = graph.get(from) ?? new Set();
    targets.add(to);
    graph.set(from, targets);
  }
  return graph;
}

test('every source lies in a room that the house knows', () => {
  assert.ok(sources.length > 20, 'the sources were found');
  assert.deepEqual(sources.map(({ fileName }) => fileName).filter((file) => !Object.hasOwn(MAY_IMPORT, roomOf(file))), []);
});

test('imports point one way: bytes, formats, artefacts, windows, tables, forensic, mount', () => {
  const wrong = imports.filter(({ from, to }) => isOurs(to) && roomOf(from) !== roomOf(to)
    && MAY_IMPORT[roomOf(from)]?.includes(roomOf(to)) !== true);
  assert.deepEqual(wrong.map(show), []);
});

test('from forensic, mount sees only its client and its tree', () => {
  const wrong = imports.filter(({ from, to }) => roomOf(from) === 'mount' && roomOf(to) === 'forensic' && !FORENSIC_FACE.includes(to));
  assert.deepEqual(wrong.map(show), []);
});

test('native-bindings takes nothing but types from us', () => {
  const wrong = imports.filter(({ from, to, typeOnly }) => roomOf(from) === 'native-bindings' && isOurs(to)
    && roomOf(to) !== 'native-bindings' && !typeOnly);
  assert.deepEqual(wrong.map(show), []);
});

test('native packages are imported in native-bindings alone', () => {
  const native = imports.filter(({ to }) => NATIVE.includes(to));
  assert.deepEqual(native.filter(({ from }) => roomOf(from) !== 'native-bindings').map(show), []);
  assert.deepEqual([...new Set(native.map(({ to }) => to))].sort(), NATIVE, 'all are found where they are used');
});

test('the core imports no package at all', () => {
  const packages = imports.filter(({ from, to }) => from.startsWith('src/') && !isOurs(to) && !to.startsWith('node:'));
  assert.deepEqual(packages.map(show), []);
});

test('no file imports itself around a circle at run time', () => {
  assert.equal(circle(graphOf(imports.filter(({ to, typeOnly }) => isOurs(to) && !typeOnly).map(({ from, to }) => [from, to])))?.join(' → '), undefined);
});

test('no room imports itself around a circle, types included', () => {
  const edges = imports.filter(({ from, to }) => isOurs(to) && roomOf(from) !== roomOf(to)).map(({ from, to }) => [roomOf(from), roomOf(to)] as const);
  assert.equal(circle(graphOf(edges))?.join(' → '), undefined);
});

test('nothing is exported as default', () => {
  assert.deepEqual(sources.flatMap(defaultExports), []);
});
