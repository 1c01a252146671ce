import assert from 'node:assert/strict';
import { test } from 'node:test';
import { driverObject } from '../../support/drivers.js';
import { FAMILIES, machine } from '../../support/machine.js';
import { peImage } from '../../support/pe-image.js';

const LISTED = 0xffff_f801_5000_0000n;
const HIDDEN = 0xffff_f801_6000_0000n;
const EMPTY = 0xffff_f801_7000_0000n;

for (const build of FAMILIES) {
  test(`build ${build}: an image that a driver object names and the list does not is a module that is not linked`, () => {
    const made = machine({ profile: build }).driver({ name: 'CLFS.SYS', path: '\\SystemRoot\\System32\\drivers\\CLFS.SYS', base: LISTED, pages: 9 });
    const { pointerSize } = made.kernel.profile;
    for (const { rva, bytes } of peImage({ sizeOfImage: 0x3000, entry: 0x1000, is64: pointerSize === 8 })) made.kernel.space.write(HIDDEN + BigInt(rva), bytes);
    driverObject(made, 'CLFS', LISTED, 0x9000);
    driverObject(made, 'ndishlp', HIDDEN, 0x3000);
    driverObject(made, 'RAW', made.kernel.base + 0x1000n, 0, '\\FileSystem');
    driverObject(made, 'nothing', EMPTY, 0x3000);
    const windows = made.open();
    assert.deepEqual(windows.process(4)?.modules().map(({ name, kind, base, size, entry }) => [name, kind, base, size, entry]).slice(2), [['ndishlp', 'not-linked', HIDDEN, 0x3000, HIDDEN + 0x1000n]]);
    assert.equal(windows.drivers().find(({ name }) => name === 'ndishlp')?.module, undefined, 'to the table of drivers it still has none');
    assert.deepEqual(windows.anomalies.list, []);
  });
}
