import assert from 'node:assert/strict';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { Command } from 'commander';
import { openingChoices, withOpening, type OpeningFlags } from '../../../mount/opening-options.js';

function choices(...words: string[]): ReturnType<typeof openingChoices> {
  const command = withOpening(new Command()).exitOverride().configureOutput({ writeErr: () => undefined });
  command.parse(words, { from: 'user' });
  return openingChoices(command.opts<OpeningFlags>());
}

test('without options nothing is fixed, and openings are remembered', () => {
  const { cache, overrides, symbolFolders, work } = choices();
  assert.deepEqual([cache, symbolFolders, work], [true, [], undefined]);
  assert.ok(Object.values(overrides).every((value) => value === undefined));
});

test('addresses are taken as hex with or without 0x, decimal, and as debuggers write them', () => {
  assert.equal(choices('--dtb', '0x1aa000').overrides.dtb, 0x1aa000);
  assert.equal(choices('--dtb', '1aa000').overrides.dtb, 0x1aa000);
  assert.equal(choices('--dtb', '4096').overrides.dtb, 4096);
  assert.equal(choices('--kernel-base', 'fffff801`2e800000').overrides.kernelBase, 0xffff_f801_2e80_0000n);
});

test('what is no address or no mode is refused with a sentence', () => {
  for (const words of [['--dtb', 'x'], ['--dtb', ''], ['--dtb', '-1'], ['--dtb', '0x10000000000000001'], ['--kernel-base', '0x1ffffffffffffffff'], ['--arch', 'z80']]) {
    assert.throws(() => choices(...words), /invalid|It is an address|Allowed choices/, words.join(' '));
  }
});

test('each step has its option, and folders add up', () => {
  const { cache, overrides, symbolFolders, work } = choices('--no-cache', '--arch', 'x86-pae', '--profile', 'none', '--symbols', tmpdir(), '--symbols', join(tmpdir(), '..'), '--work', '/w');
  assert.deepEqual([cache, overrides.arch, overrides.profile, work], [false, 'x86-pae', 'none', '/w']);
  assert.deepEqual(symbolFolders, [tmpdir(), join(tmpdir(), '..')]);
});
