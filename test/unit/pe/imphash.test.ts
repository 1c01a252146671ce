import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { importHash } from '../../../src/pe/imphash.js';
import type { PeImport } from '../../../src/pe/import.js';

type Given = readonly [module: string, what: string | number | undefined];

function* given(list: readonly Given[], complete = true): Generator<PeImport, boolean> {
  for (const [module, what] of list) {
    yield {
      module, slot: 0, target: undefined, delayed: false, hint: undefined,
      name: typeof what === 'string' ? what : undefined, ordinal: typeof what === 'number' ? what : undefined,
    };
  }
  return complete;
}

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
const hash = (...list: readonly Given[]): string | undefined => importHash(given(list));

test('names go in lower case, in their order, modules without .dll, .ocx and .sys', () => {
  assert.equal(hash(['KERNEL32.dll', 'CreateFileW'], ['Foo.OCX', 'Bar'], ['HAL.sys', 'Baz'], ['a.b.exe', 'C']),
    md5('kernel32.createfilew,foo.bar,hal.baz,a.b.exe.c'));
  assert.notEqual(hash(['a.dll', 'X'], ['a.dll', 'Y']), hash(['a.dll', 'Y'], ['a.dll', 'X']));
});

test('ordinals of WS2_32, WSOCK32 and OLEAUT32 have the names that pefile and YARA give them, others are ordN', () => {
  assert.equal(hash(['WS2_32.dll', 1], ['wsock32.dll', 115], ['OLEAUT32.dll', 2], ['MFC42.dll', 1176], ['WS2_32.dll', 9999]),
    md5('ws2_32.accept,wsock32.wsastartup,oleaut32.sysallocstring,mfc42.ord1176,ws2_32.ord9999'));
});

test('without imports, and where a name or the end of the table is not in memory, there is no hash', () => {
  assert.equal(hash(), undefined);
  assert.equal(hash(['KERNEL32.dll', 'CreateFileW'], ['KERNEL32.dll', undefined]), undefined);
  assert.equal(importHash(given([['KERNEL32.dll', 'CreateFileW']], false)), undefined);
});
