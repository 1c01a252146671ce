import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare, precision, recall } from '../../images/comparison.js';

test('what is missing and what is extra are told apart, as often as they occur', () => {
  const found = compare('things', ['a', 'a', 'b', 'c'], ['a', 'c', 'c', 'd']);
  assert.deepEqual(found, { kind: 'things', expected: 4, found: 4, missing: ['a', 'b'], extra: ['c', 'd'] });
  assert.equal(recall(found), 0.5);
  assert.equal(precision(found), 0.5);
});

test('equal collections in any order agree', () => {
  const found = compare('things', ['a', 'b'], ['b', 'a']);
  assert.equal(recall(found), 1);
  assert.equal(precision(found), 1);
  assert.deepEqual([found.missing, found.extra], [[], []]);
});
