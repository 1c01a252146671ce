import { BASE_BLOCK_SIZE } from '../../src/registry/base-block.js';
import { writeHive, type KeyToWrite } from './hive-bytes.js';
import { listInsert } from './layout.js';
import type { Machine } from './machine.js';
import { PAGE } from './physical.js';

/**
 * Loads a hive into kernel memory: `_CMHIVE`, base block, bins in paged pool and the map that leads to them, entered in the hive list.
 * @param path `\REGISTRY\MACHINE\SYSTEM`
 * @returns the `_CMHIVE`'s address
 */
export function loadHive(made: Machine, path: string, root: KeyToWrite): bigint {
  const { kernel } = made;
  const { file } = writeHive(root);
  const bins = file.subarray(BASE_BLOCK_SIZE);
  const hive = kernel.view('_CMHIVE', kernel.paged.pages(kernel.profile.sizeOf('_CMHIVE')!));
  const base = kernel.paged.pages(BASE_BLOCK_SIZE);
  kernel.space.write(base, file.subarray(0, BASE_BLOCK_SIZE));
  hive.set('Hive.Signature', 0xbee0_bee0).set('Hive.Version', 5).set('Hive.BaseBlock', base);
  kernel.text(hive, hive.has('HiveRootPath') ? 'HiveRootPath' : 'FileFullPath', path);
  const dual = kernel.view('_DUAL', hive.at('Hive.Storage'));
  const table = kernel.paged.pages(PAGE * 4);
  dual.set('Length', bins.length).set('Map', dual.at('SmallDir')).set('SmallDir', table);
  const entrySize = kernel.profile.sizeOf('_HMAP_ENTRY')!;
  for (let start = 0; start < bins.length;) {
    const size = bins.readUInt32LE(start + 8);
    const bin = kernel.paged.pages(size);
    kernel.space.write(bin, bins.subarray(start, start + size));
    for (let at = 0; at < size; at += PAGE) {
      const entry = kernel.view('_HMAP_ENTRY', table + BigInt(((start + at) / PAGE) * entrySize));
      if (entry.has('BlockOffset')) entry.set('BlockOffset', at).set('PermanentBinAddress', bin | (at === 0 ? 9n : 0n));
      else entry.set('BlockAddress', bin + BigInt(at)).set('BinAddress', bin | 1n);
    }
    start += size;
  }
  listInsert(kernel.space, kernel.symbol('CmpHiveListHead'), hive.at('HiveList'));
  return hive.address;
}
