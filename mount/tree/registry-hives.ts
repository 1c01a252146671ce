import { hex } from '../../src/bytes/hex.js';
import { directory } from '../../src/vfs/directory.js';
import { holesFile, missingBytes, missingXattr } from '../../src/vfs/holes.js';
import { fileName } from '../../src/vfs/name.js';
import type { BytesFile, Directory, WindowFile } from '../../src/vfs/node.js';
import { addressXattr } from '../../src/vfs/xattr.js';
import { hiveFile } from '../../src/windows/hive-image.js';
import type { Hive } from '../../src/windows/hive.js';
import { keyDirectory, mtimeOf } from './registry-key.js';

/** `0xffff8f095c8fd000-SOFTWARE-MACHINE_SOFTWARE`: the `_CMHIVE`'s address, its file's name, where it is mounted. */
export function hiveName(hive: Hive): string {
  const file = (hive.header?.fileName || hive.filePath || hive.rootPath).split('\\').at(-1) ?? '';
  const short = file.replace(/[^\p{Letter}\p{Number}_-]/gu, '');
  const mounted = hive.rootPath.replace(/^\\REGISTRY\\?/i, '').replaceAll('\\', '_');
  return fileName(`0x${hex(hive.address, 16)}-${short || 'unknown'}-${mounted || 'unknown'}`);
}

/** A hive by its own: its keys under ROOT. */
export function hiveDirectory(hive: Hive): Directory {
  const root = hive.registry.root();
  return directory({ ROOT: root && (() => keyDirectory(hive, root)) }, {
    ...mtimeOf(hive.header?.written),
    xattrs: () => addressXattr(hive.address),
  });
}

/** The hive's file rebuilt from memory, and the list of its holes. */
export function hiveFiles(hive: Hive): { readonly file: WindowFile; readonly map: BytesFile; holes(): boolean } {
  const image = hiveFile(hive);
  const mtime = mtimeOf(hive.header?.written);
  return {
    file: {
      kind: 'window', size: image.size, fill: image.fill, runs: image.runs, ...mtime,
      xattrs: () => ({ ...addressXattr(hive.address), ...missingXattr(missingBytes(image.holes())) }),
    },
    map: holesFile(() => image.holes(), mtime),
    holes: () => image.holes().length > 0,
  };
}
