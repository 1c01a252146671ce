import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diagnosisJson, diagnosisText, newDiagnosis, type Diagnosis } from '../../../src/windows/diagnosis.js';
import { findings } from '../../../src/windows/findings.js';
import { imageOfZeros, machine } from '../../support/machine.js';

const container: Diagnosis['container'] = { path: '/case/image.raw', format: 'raw', reason: 'no other', size: 8192, ranges: [{ start: 0, end: 8192 }] };

test('an empty diagnosis says of each step that it led nowhere', () => {
  assert.equal(diagnosisText(newDiagnosis(container)), [
    'IMAGE', '  file       /case/image.raw', '  size       8192 bytes', '  format     raw: no other', '  range      0x0 to 0x1fff', '',
    'DIRECTORY TABLE BASE', '  no page in the image looks like a top-level page table', '', 'KERNEL', '  not found', '', 'PROFILE', '  none', '',
    'DEGRADED', '  nothing', '',
  ].join('\n'));
});

test('long lists are cut in the text, with their number, and whole in the JSON; the table that was taken is always shown', () => {
  const diagnosis = newDiagnosis(container);
  for (let i = 0; i < 40; i += 1) diagnosis.dtbs.push({ dtb: i * 4096, mode: 'x64', how: 'by chance', taken: false, why: 'no' });
  diagnosis.dtbs.push({ dtb: 0x1aa000, mode: 'x64', how: 'start block', taken: true, why: 'it maps a kernel' });
  const text = diagnosisText(diagnosis);
  assert.equal(text.match(/refused/g)?.length, 16);
  assert.match(text, /and 24 more, see diagnose\.json/);
  assert.match(text, /taken {6}0x1aa000 {2}x64 {2}start block: it maps a kernel/);
  const image = imageOfZeros(1 << 20);
  assert.equal((JSON.parse(diagnosisJson(diagnosis, findings(diagnosis, image.memory, undefined))) as Diagnosis).dtbs.length, 41);
  image.memory.close();
});

test('the share of zero pages is estimated in bounded reads, evenly over what the image holds', () => {
  const image = imageOfZeros(64 << 20, (write) => write(0, Buffer.alloc(16 << 20, 1)));
  const { pages } = findings(newDiagnosis(container), image.memory, undefined);
  assert.deepEqual(pages, { sampled: 1024, zero: 768 });
  image.memory.close();
  const small = imageOfZeros(1 << 20, (write) => write(4096, Buffer.from([1])));
  assert.deepEqual(findings(newDiagnosis(container), small.memory, undefined).pages, { sampled: 256, zero: 255 });
  small.memory.close();
});

test('each kind of object says what it is read by, and what is not known', () => {
  const made = machine();
  const { diagnosis, image, windows } = made.opened();
  const { sources, symbolFiles } = findings(diagnosis, image.memory, windows?.kernel);
  assert.deepEqual(sources.find(({ kind }) => kind === 'processes'), { kind: 'processes', source: 'exact', missing: [] });
  assert.deepEqual(symbolFiles[0], { module: 'ntoskrnl.exe', file: 'ntkrnlmp.pdb', id: made.kernel.profile.id });
  assert.match(diagnosisText(diagnosis, findings(diagnosis, image.memory, windows?.kernel)), /READ BY\n {2}processes {4}exact\n/);
  image.memory.close();
});

test('of a kernel that no table knows it is said which kinds are read by near layouts, which by what was derived, and what is missing', () => {
  const { diagnosis, image, windows } = machine({ symbolFile: '0123456789ABCDEF0123456789ABCDEF-1' }).process({ name: 'a.exe', pid: 300 }).process({ name: 'b.exe', pid: 304 }).opened();
  const { sources } = findings(diagnosis, image.memory, windows?.kernel);
  const processes = sources.find(({ kind }) => kind === 'processes');
  assert.match(processes?.source ?? '', /nearest/);
  assert.match(diagnosis.next.join(), /0123456789ABCDEF0123456789ABCDEF-1.* with --symbols/);
  image.memory.close();
});
