import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refusal } from '../../../mount/errno.js';
import { Resolver } from '../../../mount/resolver.js';
import { directory, listing } from '../../../src/vfs/directory.js';
import type { Node } from '../../../src/vfs/node.js';
import { text } from '../../../src/vfs/text.js';

const refused = (errno: number) => (error: unknown): boolean => error instanceof Refusal && error.errno === errno;

test('ids are given back with their last reference, and the directories above with them', () => {
  const resolver = new Resolver(directory({ a: directory({ b: directory({ 'c.txt': text(() => '') }) }) }), undefined);
  const a = resolver.lookup(resolver.place(1), 'a');
  const b = resolver.lookup(a, 'b');
  const c = resolver.lookup(b, 'c.txt');
  assert.equal(resolver.lookup(b, 'c.txt').id, c.id);
  resolver.forget(a.id, 1);
  resolver.forget(b.id, 1);
  resolver.forget(c.id, 1);
  assert.equal(resolver.size, 4);
  assert.equal(c.path, '/a/b/c.txt');
  resolver.forget(c.id, 1);
  assert.equal(resolver.size, 1);
  assert.throws(() => resolver.place(c.id), refused(-2));
});

test('a node is looked up once until the tree changes', () => {
  let asked = 0;
  const root = listing({ entries: () => [], lookup: (name) => { asked += 1; return text(() => name); } });
  const resolver = new Resolver(root, undefined);
  const place = resolver.lookup(resolver.place(1), 'x');
  resolver.node(place);
  resolver.node(place);
  assert.equal(asked, 1);
  resolver.changed();
  resolver.node(place);
  assert.equal(asked, 2);
});

test('what is gone after a change is absent', () => {
  let node: Node | undefined = text(() => 'x');
  const resolver = new Resolver(listing({ entries: () => [], lookup: () => node }), undefined);
  const place = resolver.lookup(resolver.place(1), 'x');
  node = undefined;
  resolver.changed();
  assert.throws(() => resolver.node(place), refused(-2));
});

test('a volatile directory is asked each time, and what lies below what it replaced is found again', () => {
  const inner = (value: string) => directory({ 'x.txt': text(() => value) });
  let now: Node = inner('old');
  const resolver = new Resolver(directory({ v: listing({ entries: () => [], lookup: () => now }, { volatile: true }) }), undefined);
  const file = resolver.lookup(resolver.lookup(resolver.lookup(resolver.place(1), 'v'), 'd'), 'x.txt');
  now = inner('new');
  const node = resolver.node(file);
  assert.ok(node.kind === 'bytes');
  assert.equal(Buffer.from(node.render()).toString(), 'new');
});

test('times come from the node, else from above, else from the capture', () => {
  const resolver = new Resolver(directory({ a: directory({ 'x': text(() => '') }, { mtime: 5n }), 'y': text(() => '') }), 9n);
  const root = resolver.place(1);
  assert.equal(resolver.mtime(resolver.lookup(resolver.lookup(root, 'a'), 'x')), 5n);
  assert.equal(resolver.mtime(resolver.lookup(root, 'y')), 9n);
});
