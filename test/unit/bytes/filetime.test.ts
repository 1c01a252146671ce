import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFiletime, isoTime, textTime, UNIX_EPOCH_FILETIME, unixMs } from '../../../src/bytes/filetime.js';

const LAST = 2_650_467_743_999_999_999n;

test('a FILETIME is written to the second in text and to the tick in ISO', () => {
  assert.equal(textTime(133_200_656_765_432_109n), '2023-02-05 10:14:36 UTC');
  assert.equal(isoTime(133_200_656_765_432_109n), '2023-02-05T10:14:36.5432109Z');
});

test('the seconds before 1970 are not one too late', () => {
  assert.equal(isoTime(UNIX_EPOCH_FILETIME - 1n), '1969-12-31T23:59:59.9999999Z');
  assert.equal(textTime(UNIX_EPOCH_FILETIME - 1n), '1969-12-31 23:59:59 UTC');
  assert.equal(unixMs(UNIX_EPOCH_FILETIME - 1n), -1);
  assert.equal(unixMs(UNIX_EPOCH_FILETIME), 0);
  assert.equal(unixMs(UNIX_EPOCH_FILETIME + 9_999n), 0);
});

test('the first and the last time that four digits can name are written', () => {
  assert.equal(isoTime(1n), '1601-01-01T00:00:00.0000001Z');
  assert.equal(isoTime(LAST), '9999-12-31T23:59:59.9999999Z');
  assert.equal(textTime(LAST), '9999-12-31 23:59:59 UTC');
});

test('zero, never, and what no calendar can name are no times, and the text keeps its width', () => {
  for (const time of [undefined, 0n, -1n, LAST + 1n, 0x7fff_ffff_ffff_ffffn, 0xffff_ffff_ffff_ffffn]) {
    assert.equal(isoTime(time), undefined);
    assert.equal(textTime(time), '                    ***');
    assert.equal(time !== undefined && isFiletime(time), false);
  }
  assert.equal(textTime(0n).length, textTime(LAST).length);
});
