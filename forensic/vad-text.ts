import type { Vad } from '../src/windows/vad.js';

const USES: Readonly<Record<string, string>> = { heap: 'Heap', stack: 'Stack', teb: 'Teb' };
/** Read, write, execute and copy-on-write of the low three bits of a protection. An image page that is copied on its first write shows no r. */
const ACCESS = ['----', 'r---', '--x-', 'r-x-', 'rw--', '-w-c', 'rwx-', '-wxc'] as const;
const MODIFIERS = ['-', 'n', 'g', 'm'] as const;

/** `Image`, `File`, `Heap`, `Stack`, `Teb`, `Pf` (section without a file); empty when none of these. */
export function vadType(vad: Vad): string {
  if (vad.image) return 'Image';
  if (vad.file !== undefined) return 'File';
  return USES[vad.what?.kind ?? ''] ?? (vad.pagefile ? 'Pf' : '');
}

/** `p-rw--`: private, modifier, access. */
export function vadFlags({ private: own, protection }: Pick<Vad, 'private' | 'protection'>): string {
  return `${own ? 'p' : '-'}${MODIFIERS[(protection >> 3) & 3] ?? '-'}${ACCESS[protection & 7] ?? '----'}`;
}
