import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FORMATS, SMALLEST, type Format, type Recognised } from '../../src/image/image.js';
import { noise } from '../support/random.js';

/** For each format: the first bytes of a file of it, and the file's size. A new format adds its row. */
const SAMPLES: Readonly<Record<string, () => { readonly head: Buffer; readonly size: number }>> = {
  raw: () => ({ head: Buffer.alloc(64 * 1024), size: SMALLEST + 123 }),
};

const SIZES = [SMALLEST, SMALLEST + 1, 64 << 20, 2 ** 40 + 4097];

/** What every layout promises to those who read by it. */
function assertSound({ layout, reason }: Recognised, size: number): void {
  assert.match(reason, /\S/);
  assert.doesNotMatch(reason, /\n/);
  let end = 0;
  for (const run of layout) {
    assert.ok(Number.isSafeInteger(run.start) && Number.isSafeInteger(run.length) && Number.isSafeInteger(run.offset), JSON.stringify(run));
    assert.ok(run.length > 0 && run.start >= end, 'runs ascend and do not overlap');
    assert.ok(run.start % 4096 === 0, 'runs begin at a page');
    assert.ok(run.offset >= 0 && run.offset + run.length <= size, 'runs lie in the file');
    end = run.start + run.length;
  }
}

for (const format of FORMATS) {
  const sample = SAMPLES[format.name];

  test(`format ${format.name}: there is a sample of it, it recognises it, and no format before it does`, () => {
    assert.ok(sample !== undefined, 'add a row to SAMPLES');
    const { head, size } = sample();
    const found = format.recognise(head, size);
    assert.ok(found !== undefined);
    assertSound(found, size);
    assert.equal(FORMATS.find((other) => other.recognise(head, size) !== undefined), format);
  });

  test(`format ${format.name}: bytes of anything else are refused or laid out soundly, never a throw`, () => {
    const heads = [Buffer.alloc(64 * 1024), Buffer.alloc(64 * 1024, 0xff), Buffer.alloc(64 * 1024, 'text and more text\n'), Buffer.alloc(0), Buffer.alloc(1)];
    for (let seed = 0; seed < 8; seed += 1) {
      const head = Buffer.alloc(64 * 1024);
      noise(head, seed);
      heads.push(head);
    }
    for (const head of heads) for (const size of SIZES) check(format, head, size);
  });

  test(`format ${format.name}: a header that is cut off anywhere or has any byte turned over is refused or laid out soundly`, () => {
    const made = sample?.();
    if (made === undefined) return;
    for (let length = 0; length < 0x400; length += 1) check(format, made.head.subarray(0, length), made.size);
    for (let at = 0; at < 0x1000; at += 1) {
      const head = Buffer.from(made.head.subarray(0, 0x3000));
      head[at] = head[at]! ^ 0xff;
      check(format, head, made.size);
      check(format, head, SMALLEST);
    }
  });
}

test('the last format takes what no other does, and names are used once', () => {
  const head = Buffer.alloc(64 * 1024);
  noise(head, 99);
  assert.notEqual(FORMATS.at(-1)?.recognise(head, SMALLEST), undefined);
  assert.equal(new Set(FORMATS.map(({ name }) => name)).size, FORMATS.length);
});

function check(format: Format, head: Buffer, size: number): void {
  const found = format.recognise(head, size);
  if (found !== undefined) assertSound(found, size);
}
