import assert from 'node:assert/strict';
import { test } from 'node:test';
import { traceArray, traceVariables } from '../../../src/windows/unload-trace-code.js';

const AT = 0x7ffb_2000_1000n;
const code = (...parts: readonly (readonly number[])[]): Buffer => Buffer.from([...parts.flat(), ...Array<number>(64).fill(0xcc)]);
const i32 = (value: number): number[] => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return [...bytes];
};

test('the array is what a function of one lea, or of one mov, returns', () => {
  assert.equal(traceArray(code([0x48, 0x8d, 0x05], i32(0x1234), [0xc3]), AT, 8), AT + 7n + 0x1234n);
  assert.equal(traceArray(code([0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0x8d, 0x05], i32(-0x100), [0xc3]), AT, 8), AT + 11n - 0x100n);
  assert.equal(traceArray(code([0xb8], i32(0x7712_3456), [0xc3]), 0x7710_0000n, 4), 0x7712_3456n);
  assert.equal(traceArray(code([0x8b, 0xff, 0xb8], i32(0x7712_3456), [0xc3]), 0x7710_0000n, 4), 0x7712_3456n);
});

test('the variables are those whose addresses are stored by the three parameters, in whatever order', () => {
  const lea = (reg: number, to: number): number[] => [reg < 8 ? 0x48 : 0x4c, 0x8d, 0x05 | ((reg & 7) << 3), ...i32(to)];
  const [rcx, rdx, r8] = [[0x48, 0x89, 0x01], [0x48, 0x89, 0x02], [0x49, 0x89, 0x00]];
  assert.deepEqual(traceVariables(code(lea(0, 0x100), rcx, lea(0, 0x200), rdx, lea(0, 0x300), r8, [0xc3]), AT, 8),
    { size: AT + 7n + 0x100n, count: AT + 17n + 0x200n, trace: AT + 27n + 0x300n });
  assert.deepEqual(traceVariables(code(lea(9, 0x10), lea(0, 0x20), [0x4d, 0x89, 0x08], rcx, lea(0, 0x30), rdx, [0xc3]), AT, 8),
    { size: AT + 14n + 0x20n, count: AT + 27n + 0x30n, trace: AT + 7n + 0x10n });
  const by32 = code([0x8b, 0xff, 0x55, 0x8b, 0xec], [0x8b, 0x45, 0x08, 0xc7, 0x00], i32(0x1000), [0x8b, 0x45, 0x0c, 0xc7, 0x00], i32(0x2000), [0x8b, 0x4d, 0x10, 0xc7, 0x01], i32(0x3000), [0x5d, 0xc2, 0x0c, 0x00]);
  assert.deepEqual(traceVariables(by32, 0n, 4), { size: 0x1000n, count: 0x2000n, trace: 0x3000n });
  const byStack = code([0x8b, 0x44, 0x24, 0x04, 0xc7, 0x00], i32(0x1000), [0x8b, 0x44, 0x24, 0x08, 0xc7, 0x00], i32(0x2000), [0x8b, 0x44, 0x24, 0x0c, 0xc7, 0x00], i32(0x3000), [0xc2, 0x0c, 0x00]);
  assert.deepEqual(traceVariables(byStack, 0n, 4), { size: 0x1000n, count: 0x2000n, trace: 0x3000n });
});

test('other code, hooked code and code that ends early answer nothing', () => {
  for (const bytes of [code([0xe9], i32(0x1000)), code([]), Buffer.alloc(0), Buffer.from([0x48, 0x8d]), Buffer.from([0xb8, 1, 2]), code([0x48, 0x8d, 0x05], i32(1), [0x90])]) {
    for (const pointer of [4, 8] as const) {
      assert.equal(traceArray(bytes, AT, pointer), undefined);
      assert.equal(traceVariables(bytes, AT, pointer), undefined);
    }
  }
  for (let seed = 0; seed < 500; seed += 1) {
    const bytes = Buffer.from(Array.from({ length: 64 }, (_, i) => (seed * 7919 + i * i * 31) & 0xff));
    assert.doesNotThrow(() => [traceArray(bytes, AT, 8), traceArray(bytes, AT, 4), traceVariables(bytes, AT, 8), traceVariables(bytes, AT, 4)]);
  }
});
