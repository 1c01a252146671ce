import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Anomalies } from '../../../src/bytes/anomaly.js';
import { FormatError } from '../../../src/bytes/errors.js';
import { walk, type WalkLimits } from '../../../src/bytes/walk.js';

type Graph = Readonly<Record<number, readonly number[]>>;

function limits(cap = 1000): WalkLimits & { readonly anomalies: Anomalies } {
  return { where: 'graph', cap, anomalies: new Anomalies() };
}

function follow(graph: Graph, roots: readonly number[], options = limits(), closes?: (node: number) => boolean): number[] {
  const visit = (node: number): { value: number; next: readonly number[] } | undefined => {
    const next = graph[node];
    return next === undefined ? undefined : { value: node, next };
  };
  return [...walk(roots, (node) => node, visit, options, closes)];
}

test('a tree is visited in the order its links are named, children before the next sibling', () => {
  assert.deepEqual(follow({ 1: [2, 5], 2: [3, 4], 3: [], 4: [], 5: [6], 6: [] }, [1]), [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(follow({ 1: [], 2: [], 3: [] }, [3, 1, 2]), [3, 1, 2]);
});

test('a list that leads back into its middle ends and says where', () => {
  const options = limits();
  assert.deepEqual(follow({ 1: [2], 2: [3], 3: [2] }, [1], options), [1, 2, 3]);
  assert.deepEqual(options.anomalies.list, [{ where: 'graph', what: 'a link leads back to a node already visited', address: 2 }]);
});

test('the expected end of a list is no anomaly', () => {
  const options = limits();
  assert.deepEqual(follow({ 1: [2], 2: [0], 0: [1] }, [1], options, (node) => node === 0), [1, 2]);
  assert.deepEqual(options.anomalies.list, []);
});

test('no more nodes than the cap are visited, and the place where it stopped is reported', () => {
  const endless = walk([0], (node: number) => node, (node) => ({ value: node, next: [node + 1] }), { ...limits(100) });
  assert.equal([...endless].length, 100);
  const options = limits(2);
  follow({ 1: [2], 2: [3], 3: [] }, [1], options);
  assert.deepEqual(options.anomalies.list, [{ where: 'graph', what: 'stopped after 2 nodes', address: 3 }]);
});

test('what lies behind other links is visited although one node cannot be read', () => {
  const options = limits();
  assert.deepEqual(follow({ 1: [99, 2], 2: [] }, [1], options), [1, 2]);
  assert.deepEqual(options.anomalies.list.map(({ address }) => address), [99]);
});

test('a contradiction in a node is an anomaly, any other error travels up', () => {
  const options = limits();
  const visit = (what: Error) => (node: number): { value: number; next: readonly number[] } => {
    if (node === 2) throw what;
    return { value: node, next: node === 1 ? [2, 3] : [] };
  };
  assert.deepEqual([...walk([1], (node) => node, visit(new FormatError('a bad node', 7)), options)], [1, 3]);
  assert.ok(options.anomalies.list.some(({ what }) => what === 'a bad node at 0x7'));
  assert.throws(() => [...walk([1], (node) => node, visit(new TypeError('a bug')), limits())], TypeError);
});

test('a node that names more nodes than a call takes arguments is walked', () => {
  const children = Array.from({ length: 400_000 }, (_, i) => i + 1);
  const nodes = walk([0], (node: number) => node, (node) => ({ value: node, next: node === 0 ? children : [] }), limits(1_000_000));
  let count = 0;
  for (const node of nodes) count += node === count ? 1 : 0;
  assert.equal(count, 400_001);
});

test('a link that repeats is reported once however often it is met', () => {
  const options = limits();
  follow({ 1: [2, 2, 2, 2], 2: [] }, [1], options);
  assert.equal(options.anomalies.list.length, 1);
});
