import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inodeOf, ROOT_INODE } from '../../../mount/inode.js';

const none = (): boolean => false;

test('inode numbers are of 32 bits and depend on the whole path', () => {
  const a = inodeOf(ROOT_INODE, 'name', none);
  const b = inodeOf(ROOT_INODE, 'pid', none);
  assert.ok(Number.isInteger(a) && a > 1 && a <= 0xffff_ffff);
  assert.notEqual(a, b);
  assert.notEqual(inodeOf(a, 'x', none), inodeOf(b, 'x', none));
  assert.equal(inodeOf(a, 'x', none), inodeOf(a, 'x', none));
});

test('few of many paths share a number', () => {
  const seen = new Set<number>();
  for (let i = 0; i < 50_000; i += 1) seen.add(inodeOf(7, `svchost.exe-${i}`, none));
  assert.ok(50_000 - seen.size < 10, `${50_000 - seen.size} shared`);
});

test('a directory never has the number of one above it, which would end a find there', () => {
  const usual = inodeOf(5, 'child', none);
  assert.notEqual(inodeOf(5, 'child', (inode) => [1, usual, 5].includes(inode)), usual);
});
