import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Anomalies } from '../../../src/bytes/anomaly.js';
import { FormatError } from '../../../src/bytes/errors.js';

test('the same anomaly is kept once, another place or address anew', () => {
  const anomalies = new Anomalies();
  anomalies.add('hive', 'a bad cell', 1);
  anomalies.add('hive', 'a bad cell', 1);
  anomalies.add('hive', 'a bad cell', 2);
  anomalies.add('hive', 'a bad cell');
  anomalies.add('process', 'a bad cell', 1);
  assert.equal(anomalies.list.length, 4);
});

test('of one place no more are kept than an analyst reads, and the list says so', () => {
  const anomalies = new Anomalies();
  for (let i = 0; i < 5000; i += 1) anomalies.add('hive', 'a bad cell', i);
  anomalies.add('elsewhere', 'still heard');
  assert.equal(anomalies.list.filter(({ where }) => where === 'hive').length, Anomalies.PER_PLACE);
  assert.match(anomalies.list[Anomalies.PER_PLACE - 1]!.what, /left out/);
  assert.equal(anomalies.list.at(-1)!.where, 'elsewhere');
});

test('an image full of contradictions cannot fill the memory with them', () => {
  const anomalies = new Anomalies();
  for (let i = 0; i < 3 * Anomalies.TOTAL; i += 1) anomalies.add(`place ${i}`, 'a bad cell', i);
  assert.equal(anomalies.list.length, Anomalies.TOTAL);
});

test('attempt gives the answer, turns a contradiction into an anomaly, and lets bugs through', () => {
  const anomalies = new Anomalies();
  assert.equal(anomalies.attempt('here', () => 5), 5);
  assert.equal(anomalies.attempt('here', () => { throw new FormatError('a lie', 0x20n); }), undefined);
  assert.deepEqual(anomalies.list, [{ where: 'here', what: 'a lie at 0x20', address: 0x20n }]);
  assert.throws(() => anomalies.attempt('here', () => { throw new RangeError('a bug'); }), RangeError);
});
