import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coverage, coveragePage, coverageText } from '../../../src/profile/coverage.js';

test('the table says of each family and machine what is exact, by layout, by rule or only near', () => {
  const best = new Map(coverage().map((row) => [`${row.builds[0]} ${row.machine}`, row.best]));
  assert.deepEqual(['2600 x86', '7600 x64', '19041 x64', '19041 x86', '22621 x64', '22000 arm64', '20348 arm64'].map((key) => best.get(key)),
    ['layout', 'exact', 'exact', 'layout', 'layout', 'rule', 'neighbour']);
  assert.equal(coverage().reduce((sum, row) => sum + row.exact, 0), 213);
  assert.ok(coverage().reduce((sum, row) => sum + row.identities, 0) > 3600);
});

test('rows go by age, and each is there once', () => {
  const keys = coverage().map((row) => `${row.family} ${row.machine}`);
  assert.equal(new Set(keys).size, keys.length);
  assert.equal(coverage()[0]?.family, 'Windows XP');
  assert.match(coverage().at(-1)!.family, /26H1/);
});

test('text and page show every row and explain their words', () => {
  const lines = coverageText().split('\n');
  assert.equal(lines.indexOf(''), coverage().length + 1);
  for (const word of ['exact', 'layout', 'rule', 'neighbour']) {
    assert.ok(lines.some((line) => line.startsWith(`${word} `)), word);
    assert.match(coveragePage(), new RegExp(`- \\*\\*${word}\\*\\*: `));
  }
  assert.equal(coveragePage().split('\n').filter((line) => line.startsWith('| ')).length, coverage().length + 2);
});
