import assert from 'node:assert/strict';
import { test } from 'node:test';
import { moduleHashes } from '../../../src/tables/module-hashes.js';
import { moduleImages, symbolUrl } from '../../../src/tables/module-image.js';
import { moduleEnd, MODULES, MODULES_ALL, MODULES_VERBOSE, MODULES_VERSION, type ModuleHashRow } from '../../../src/tables/modules.js';
import { csvHeading, csvRow, jsonRow, textOf } from '../../../src/vfs/table.js';
import type { Table } from '../../../src/vfs/column.js';
import { machine } from '../../support/machine.js';

const PID = 1004;
const MAIN = { base: 0x7ff6_1000_0000n, pages: 8, name: 'a.exe', path: 'C:\\Tools\\a.exe' };

function row(): ModuleHashRow {
  const process = machine().process({ name: 'a.exe', pid: PID, kernelPath: '\\Device\\HarddiskVolume3\\Tools\\a.exe', modules: [MAIN] }).open().process(PID);
  const module = process?.modules()[0];
  assert.ok(process !== undefined && module !== undefined);
  return { process, module, image: moduleImages()(process, module), hashes: moduleHashes(process, module) };
}

const headings = (table: Table<never>): readonly string[] => csvHeading(table).trimEnd().split(',');

test('the tables of modules share their columns: each CSV has those of the pass that it can afford, in the same order', () => {
  const all = headings(MODULES_ALL);
  for (const table of [MODULES, MODULES_VERBOSE]) {
    const wanted = new Set(headings(table));
    assert.deepEqual(headings(table).filter((heading) => all.includes(heading)), all.filter((heading) => wanted.has(heading)));
  }
  assert.deepEqual(headings(MODULES).filter((heading) => !all.includes(heading)), []);
  assert.deepEqual(headings(MODULES_VERBOSE).filter((heading) => !all.includes(heading)), ['TimeDateStamp', 'ImpHash', 'SHA256', 'Missing'],
    'hashes take reading all of an image: where someone asks for them');
  assert.deepEqual(headings(MODULES_VERSION).filter((heading) => !all.includes(heading)), []);
});

test('what the headers do not say is absent, in the text ***, and never zero', () => {
  const known = row();
  assert.deepEqual([known.image.imports, known.image.exports, known.image.sections], [0, 0, known.image.sections]);
  const lost = { ...known, image: { imports: undefined, exports: undefined, sections: undefined, codeView: undefined, version: undefined }, hashes: () => undefined };
  assert.match(csvRow(MODULES_VERBOSE, lost), /0x7ff610007fff,,,,C:\\Tools\\a\.exe,/);
  assert.match(textOf(MODULES_VERBOSE, [lost]).toString().split('\n')[2] ?? '', /a\.exe +\*\*\* +\*\*\* +\*\*\* C:\\Tools\\a\.exe/);
  const line = JSON.parse(jsonRow(MODULES_ALL, lost)) as Record<string, unknown>;
  assert.deepEqual(Object.keys(line), ['pid', 'process', 'name', 'wow64', 'size', 'start', 'end', 'path', 'kernel_path', 'kind']);
});

test('a module without readable headers has no facts, and one of the same file is read once', () => {
  const { process, module } = row();
  const image = moduleImages();
  assert.equal(image(process, module), image(process, module));
  const absent = { ...module, base: 0x1000n, kernelPath: undefined };
  assert.deepEqual(image(process, absent), { imports: undefined, exports: undefined, sections: undefined, codeView: undefined, version: undefined });
});

test('the last byte of a module, and where its symbol file would be', () => {
  assert.equal(moduleEnd({ base: 0x1000n, size: 0x2000 }), 0x2fffn);
  assert.equal(moduleEnd({ base: 0x1000n, size: 0 }), 0x1000n);
  assert.equal(symbolUrl({ path: 'D:\\build\\a.pdb', guid: '89284D0CA6ACC8274B9A44BD5AF9290B', age: 26 }),
    'https://msdl.microsoft.com/download/symbols/a.pdb/89284D0CA6ACC8274B9A44BD5AF9290B1A/a.pdb');
});

test('hashes are of the rebuilt file, with what is missing in it, and the text does not reckon them', () => {
  const known = row();
  const csv = csvRow(MODULES_VERBOSE, known).trimEnd().split(',');
  const [timestamp, imphash, sha256, missing] = csv.slice(-4);
  assert.deepEqual([timestamp, imphash], ['0x5f000000', '']);
  assert.match(sha256 ?? '', /^[0-9a-f]{64}$/);
  assert.ok(Number(missing) > 0);
  let asked = 0;
  textOf(MODULES_VERBOSE, [{ ...known, hashes: () => { asked += 1; return undefined; } }]);
  assert.equal(asked, 0);
});
