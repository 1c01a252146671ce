import { vadFileName } from '../../src/tables/memory-name.js';
import { PRESENCE, PRESENCE_RANGES, presence, presenceRanges } from '../../src/tables/missing.js';
import { mappedRanges, PTES } from '../../src/tables/page-tables.js';
import { VAD_PAGES, vadPages } from '../../src/tables/vad-pages.js';
import { VADS } from '../../src/tables/vads.js';
import { directory, listing } from '../../src/vfs/directory.js';
import { uniqueNames } from '../../src/vfs/name.js';
import type { BytesFile, Directory, Node } from '../../src/vfs/node.js';
import { tableFile } from '../../src/vfs/table.js';
import { addressXattr } from '../../src/vfs/xattr.js';
import type { Process } from '../../src/windows/process.js';
import type { Vad } from '../../src/windows/vad.js';

/** The memory maps of a process. */
export function memmapDirectory(process: Process): Directory {
  return directory({
    '_vad-v.txt': tableFile(VAD_PAGES, () => vadPages(process, process.vads()), { cost: 'slow' }),
    'missing.txt': tableFile(PRESENCE, () => presence(process), { cost: 'slow' }),
    'missing-v.txt': tableFile(PRESENCE_RANGES, () => presenceRanges(process), { cost: 'slow' }),
    'pte.txt': tableFile(PTES, () => mappedRanges(process), { cost: 'slow' }),
    'vad.txt': tableFile(VADS, () => process.vads().map((vad) => ({ process, vad })), { cost: 'slow' }),
    'vad-v': () => vadPagesDirectory(process),
  }, { doc: 'what its address space consists of' });
}

/** `memmap/vad-v`: a file a VAD. */
function vadPagesDirectory(process: Process): Directory {
  const { pointerSize } = process.kernel;
  let known: { readonly vads: readonly Vad[]; readonly byName: ReadonlyMap<string, Vad> } | undefined;
  const current = (): ReadonlyMap<string, Vad> => {
    const vads = process.vads();
    if (known?.vads !== vads) {
      const names = uniqueNames(vads.map((vad) => vadFileName(vad, pointerSize)));
      known = { vads, byName: new Map(vads.map((vad, i) => [names[i] ?? '', vad])) };
    }
    return known.byName;
  };
  const fileOf = (vad: Vad): BytesFile => tableFile(VAD_PAGES, () => vadPages(process, [vad]), { cost: 'slow', xattrs: () => addressXattr(vad.start) });
  const all: Node = { kind: 'link', target: '../_vad-v.txt', doc: 'all of them in one' };
  return listing({
    *entries() {
      yield ['_vad-v.txt', all] as const;
      for (const [name, vad] of current()) yield [name, fileOf(vad)] as const;
    },
    lookup(name) {
      if (name === '_vad-v.txt') return all;
      const vad = current().get(name);
      return vad && fileOf(vad);
    },
  }, { doc: 'the pages of one VAD', cost: 'slow' });
}
