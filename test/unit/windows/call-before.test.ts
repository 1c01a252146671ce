import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isBehindCall } from '../../../src/windows/call-before.js';

const AT = 0x1000n;

/** Whether AT lies behind a call, when these bytes end right before it. */
function behind(...code: readonly number[]): boolean | undefined {
  const bytes = Buffer.alloc(16, 0x90);
  bytes.set(code, 16 - code.length);
  const read = (address: bigint, length: number): Buffer => bytes.subarray(16 - Number(AT - address), 16 - Number(AT - address) + length);
  return isBehindCall({ read, fill: () => 0 }, AT);
}

test('each form of a call is known by its bytes', () => {
  const calls = [
    [0xe8, 1, 2, 3, 4], [0xff, 0xd0], [0x41, 0xff, 0xd4], [0xff, 0x10], [0xff, 0x50, 8], [0xff, 0x90, 0, 1, 0, 0], [0xff, 0x15, 1, 2, 3, 4],
    [0xff, 0x14, 0xc8], [0xff, 0x54, 0x24, 0x20], [0xff, 0x94, 0x24, 0, 1, 0, 0], [0xff, 0x14, 0x25, 0, 0, 0, 1],
  ];
  for (const call of calls) assert.equal(behind(...call), true, Buffer.from(call).toString('hex'));
});

test('other instructions, and calls that end elsewhere, are none', () => {
  for (const code of [[0x0f, 0x05], [0xff, 0xe0], [0xff, 0x25, 1, 2, 3, 4], [0xff, 0x50], [0xe8, 1, 2, 3], [0xc3]]) assert.equal(behind(...code), false, Buffer.from(code).toString('hex'));
});

test('bytes that are not in the image do not tell', () => {
  assert.equal(isBehindCall({ read: () => undefined, fill: () => 0 }, AT), undefined);
  assert.equal(isBehindCall({ read: () => undefined, fill: () => 0 }, 3n), false);
});
