import { hex } from '../../src/bytes/hex.js';
import { directory, listing } from '../../src/vfs/directory.js';
import { holesFile, missingBytes, missingXattr } from '../../src/vfs/holes.js';
import { fileName } from '../../src/vfs/name.js';
import type { BytesFile, Directory, Node, WindowFile } from '../../src/vfs/node.js';
import { addressXattr } from '../../src/vfs/xattr.js';
import { hiveFile, hiveSpace } from '../../src/windows/hive-image.js';
import { hiveSetOf } from '../../src/windows/hive-set.js';
import type { Hive } from '../../src/windows/hive.js';
import type { Windows } from '../../src/windows/windows.js';
import { mtimeOf } from './registry-key.js';
import type { RegistrySource } from './registry.js';

/** Above this many bytes of hives, telling which have holes takes too long for the thread that serves the mount. */
const QUICK_BYTES = 64 << 20;

/** The registry of an image: its hives, and each as a file and as its memory. */
export function memoryRegistry(windows: Windows): RegistrySource {
  return {
    hives: () => hiveSetOf(windows),
    about(hive) {
      const inMemory = hiveSetOf(windows).hives.find((one) => one === hive)?.inMemory;
      return {
        name: inMemory === undefined ? fileName(hive.source) : hiveName(inMemory),
        ...mtimeOf(inMemory?.header?.written),
        xattrs: () => ({ ...addressXattr(hive.address), ...(inMemory?.source === 'scan' ? { 'user.memlens.found': 'pool scan' } : {}) }),
      };
    },
    extras: { hive_files: hiveFilesDirectory(windows), hive_memory: hiveMemoryDirectory(windows) },
  };
}

/** `0xffff8f095c8fd000-SOFTWARE-MACHINE_SOFTWARE`: the `_CMHIVE`'s address, its file's name, where it is mounted. */
export function hiveName(hive: Hive): string {
  const file = (hive.header?.fileName || hive.filePath || hive.rootPath).split('\\').at(-1) ?? '';
  const short = file.replace(/[^\p{Letter}\p{Number}_-]/gu, '');
  const mounted = hive.rootPath.replace(/^\\REGISTRY\\?/i, '').replaceAll('\\', '_');
  return fileName(`0x${hex(hive.address, 16)}-${short || 'unknown'}-${mounted || 'unknown'}`);
}

/** The hive's file rebuilt from memory, and the list of its holes. */
function hiveFiles(hive: Hive): { readonly file: WindowFile; readonly map: BytesFile; holes(): boolean } {
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

/** The files that `make` gives for every hive, each with a name to be listed by or not. */
type Files = ReadonlyMap<string, { readonly listed: () => boolean; readonly node: () => Node }>;

/** A file or more for each hive; made anew when the pool scan has added to them. */
function filesDirectory(windows: Windows, make: (hive: Hive, name: string) => Files, doc: string): Directory {
  let of: readonly Hive[] | undefined;
  let files: Files = new Map();
  const current = (): Files => {
    const hives = windows.hives();
    if (of !== hives) {
      of = hives;
      files = new Map(hives.flatMap((hive) => [...make(hive, hiveName(hive))]));
    }
    return files;
  };
  return listing({
    * entries() {
      for (const [name, { listed, node }] of current()) if (listed()) yield [name, node()] as const;
    },
    lookup: (name) => current().get(name)?.node(),
  }, { doc });
}

function hiveFilesDirectory(windows: Windows): Directory {
  const inner = filesDirectory(windows, (hive, name) => {
    let made: ReturnType<typeof hiveFiles> | undefined;
    const files = (): ReturnType<typeof hiveFiles> => made ??= hiveFiles(hive);
    const map = { node: () => files().map };
    return new Map([
      [`${name}.reghive`, { listed: () => true, node: () => files().file }],
      // Listed where there are holes; answers by name in any case.
      [`${name}.reghive.map`, { ...map, listed: () => files().holes() }],
      [`${name}.map`, { ...map, listed: () => false }],
    ]);
  }, 'every hive as a file, rebuilt from memory');
  return {
    ...inner,
    get cost() {
      return windows.hives().reduce((sum, hive) => sum + hive.stable.length, 0) > QUICK_BYTES ? 'slow' as const : 'quick' as const;
    },
    lookup: (name) => inner.lookup(name),
  };
}

/**
 * Every hive's cells by index: stable ones from 0 on, volatile ones from 0x80000000 on. Two GiB of next to nothing is no file to walk into:
 * as memory.vmem it is a link.
 */
function hiveMemoryDirectory(windows: Windows): Directory {
  const doc = 'the cells of a hive by their index, volatile ones from 0x80000000 on';
  const links = filesDirectory(windows, (_, name) => new Map([
    [`${name}.hivemem`, { listed: () => true, node: () => ({ kind: 'link' as const, target: `.raw/${name}.hivemem`, doc }) }],
  ]), 'every hive as its memory: cells by index');
  const raw = filesDirectory(windows, (hive, name) => new Map([[`${name}.hivemem`, { listed: () => true, node: () => {
    const { size, fill, runs } = hiveSpace(hive);
    return { kind: 'window' as const, size, fill, runs, ...mtimeOf(hive.header?.written), xattrs: () => addressXattr(hive.address), doc };
  } }]]), doc);
  const hidden = directory({ '.raw': raw });
  return { ...links, lookup: (name) => links.lookup(name) ?? hidden.lookup(name) };
}
