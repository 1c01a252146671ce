import assert from 'node:assert/strict';
import { test } from 'node:test';
import { machine, type MachineOptions } from '../../support/machine.js';
import type { PageSpec } from '../../support/vads.js';

const START = 0x2_0000n;
const PAGES = 16;

/** A process of which every page has moved to the standby list. */
function moved(options: MachineOptions): { physical: number | undefined; kind: string; content: string | undefined } {
  const states = Object.fromEntries(Array.from({ length: PAGES }, (_, page): [number, PageSpec] => [page, { kind: 'transition', bytes: Buffer.from(`page ${page}`) }]));
  const made = machine(options).process({ name: 'smss.exe', pid: 300 }).process({ name: 'moved.exe', pid: 1204, ppid: 300, vads: [{ start: START, pages: PAGES, states }] });
  const process = made.open().process(1204);
  assert.ok(process);
  const state = process.memory.pte(START + 0x5000n);
  return { kind: state.kind, physical: state.physical, content: process.memory.read(START + 0x5000n, 6)?.toString('latin1') };
}

const UNKNOWN = 'DEADBEEF0000000000000000DEADBEEF-1';

test('a kernel that no table knows: the bits it turns over are told by its pages in transition', () => {
  const found = moved({ symbolFile: UNKNOWN });
  assert.equal(found.kind, 'transition');
  assert.equal(found.content, 'page 5');
});

test('and where it turns none over, none are taken away', () => {
  const found = moved({ symbolFile: UNKNOWN, invalidMask: 0n });
  assert.equal(found.kind, 'transition');
  assert.equal(found.content, 'page 5');
});
