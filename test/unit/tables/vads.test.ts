import assert from 'node:assert/strict';
import { test } from 'node:test';
import { vadDescription, VADS, vadType } from '../../../src/tables/vads.js';
import { csvHeading, csvRow } from '../../../src/vfs/table.js';
import type { Vad } from '../../../src/windows/vad.js';
import { machine } from '../../support/machine.js';

const PRIVATE: Vad = {
  address: 0xffff_8400_0000_1000n, start: 0x1_0000n, end: 0x1_3fffn, commit: 4, memCommit: true, protection: 4, type: 0, private: true, image: false,
  firstPrototype: undefined, lastPrototype: undefined, controlArea: undefined, subsection: undefined, fileObject: undefined, file: undefined, pagefile: false, what: undefined,
};

test('a VAD is told by its section, else by what the process uses it for, else not at all', () => {
  const section: Vad = { ...PRIVATE, private: false, file: '\\Windows\\a.dll' };
  assert.deepEqual([vadType({ ...section, image: true }), vadType(section), vadType({ ...PRIVATE, pagefile: true }), vadType(PRIVATE)], ['Image', 'File', 'Pf', undefined]);
  const heap: Vad = { ...PRIVATE, what: { kind: 'heap', text: 'HEAP-00' } };
  assert.deepEqual([vadType(heap), vadType({ ...PRIVATE, what: { kind: 'peb', text: 'PEB' } })], ['Heap', undefined]);
  assert.deepEqual([vadDescription(heap), vadDescription(section), vadDescription(PRIVATE)], ['HEAP-00', '\\Windows\\a.dll', undefined]);
});

test('the CSV of a VAD leaves empty what nothing tells', () => {
  const process = machine().process({ name: 'a.exe', pid: 1004 }).open().process(1004) ?? assert.fail();
  assert.equal(csvHeading(VADS), 'PID,Process,Object,Start,End,Pages,Commit,MemCommit,Type,Flags,Protection,Private,Description\n');
  assert.equal(csvRow(VADS, { process, vad: PRIVATE }), '1004,a.exe,0xffff840000001000,0x10000,0x13fff,0x4,0x4,1,,p-rw--,PAGE_READWRITE,1,\n');
});
