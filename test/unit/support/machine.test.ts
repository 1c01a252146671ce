import assert from 'node:assert/strict';
import { test } from 'node:test';
import { furnished } from '../../support/furnished.js';
import { FAMILIES, machine } from '../../support/machine.js';
import { guidBytes } from '../../support/pe-image.js';
import { sidBytes } from '../../support/tokens.js';

test('the synthetic machine is the same bytes for the same seed, other bytes for another', () => {
  const bytes = (seed: number): Buffer => furnished({ seed }).bytes;
  assert.ok(bytes(3).equals(bytes(3)));
  assert.ok(!bytes(3).equals(bytes(4)));
});

test('the synthetic machine refuses what no Windows has, so that a test does not pass by mistake', () => {
  for (const pid of [4242, 0x400]) assert.throws(() => machine().process({ name: 'a.exe', pid }), /PID/);
  assert.throws(() => machine().built(300), /no process 300/);
  assert.throws(() => machine({ profile: 12345 }), /no bundled profile/);
  assert.throws(() => machine({ memory: 1 << 20 }), /no free frame/);
  assert.throws(() => machine().process({ name: 'a.exe', pid: 300, handles: [{ pid: 304 }] }), /no process 304/);
});

test('what is broken on purpose is broken, and nothing else', () => {
  const made = machine().process({ name: 'a.exe', pid: 300 });
  const before = Buffer.from(made.bytes);
  made.lie('_EPROCESS', made.built(300).view.address, 'UniqueProcessId', 0x1234);
  const changed = [...made.bytes.keys()].filter((at) => made.bytes[at] !== before[at]);
  assert.ok(changed.length > 0 && changed.length <= 8);
  assert.ok(changed.at(-1)! - changed[0]! < 8);
  assert.equal(made.view('_EPROCESS', made.built(300).view.address).get('UniqueProcessId'), 0x1234n);
  assert.equal(made.cut(0x10_0000).bytes.length, 0x10_0000);
});

test('noise overwrites about the share of pages that is asked, and spares what is named', () => {
  const made = machine();
  const before = Buffer.from(made.bytes);
  made.noise(0.25, 7, (frame) => frame < 0x200);
  const pages = Array.from({ length: made.bytes.length / 4096 }, (_, frame) => !made.bytes.subarray(frame * 4096, (frame + 1) * 4096).equals(before.subarray(frame * 4096, (frame + 1) * 4096)));
  assert.ok(!pages.slice(0, 0x200).includes(true));
  const share = pages.slice(0x200).filter(Boolean).length / (pages.length - 0x200);
  assert.ok(share > 0.15 && share < 0.35, String(share));
});

test('GUIDs and SIDs are written in the byte order of Windows', () => {
  assert.equal(guidBytes('CA8E2F01B82263DE57898BFBF8629977').toString('hex'), '012f8eca22b8de6357898bfbf8629977');
  assert.equal(sidBytes('S-1-5-18').toString('hex'), '010100000000000512000000');
  assert.equal(sidBytes('S-1-16-8192').toString('hex'), '010100000000001000200000');
});

for (const build of FAMILIES) {
  test(`build ${build}: one bit field is written without its neighbours`, () => {
    const made = machine({ profile: build });
    const view = made.kernel.nonpaged.struct('_MMVAD_SHORT', 'VadS');
    view.set('u.VadFlags.Protection', 0x1f).set('u.VadFlags.VadType', 0).set('u.VadFlags.PrivateMemory', 0);
    view.set('u.VadFlags.VadType', 5).set('u.VadFlags.Protection', 0x12);
    assert.deepEqual(['Protection', 'VadType', 'PrivateMemory'].map((name) => view.get(`u.VadFlags.${name}`)), [0x12n, 5n, 0n]);
  });
}
