import { directory } from '../../src/vfs/directory.js';
import type { Table } from '../../src/vfs/column.js';
import type { Directory } from '../../src/vfs/node.js';
import { tableFile } from '../../src/vfs/table.js';
import { moduleLabel } from '../../src/windows/module.js';
import type { Process } from '../../src/windows/process.js';
import { protectionName, type Vad } from '../../src/windows/vad.js';

interface VadRow {
  readonly process: Process;
  readonly vad: Vad;
}

/** MemProcFS's six characters: private, no-cache/guard/write-combine, read, write, execute, copy. */
export function vadFlags({ protection, private: isPrivate }: Pick<Vad, 'protection' | 'private'>): string {
  const access = protection & 7;
  const modifier = ['-', 'n', 'g', 'm'][(protection >> 3) & 3] ?? '-';
  return (isPrivate ? 'p' : '-')
    + (access === 0 ? '-' : modifier)
    + ([1, 3, 4, 6].includes(access) ? 'r' : '-')
    + (access >= 4 ? 'w' : '-')
    + ([2, 3, 6, 7].includes(access) ? 'x' : '-')
    + (access === 5 || access === 7 ? 'c' : '-');
}

/** `Image`, `File`, `Heap`, `Stack`, `Teb`, `Pf`; empty for private memory that nothing tells more of. */
function vadType(vad: Vad): string {
  if (vad.image) return 'Image';
  if (vad.file !== undefined) return 'File';
  switch (vad.what?.kind) {
    case 'heap': return 'Heap';
    case 'stack': return 'Stack';
    case 'teb': return 'Teb';
    default: return vad.pagefile ? 'Pf' : '';
  }
}

export const VADS: Table<VadRow> = {
  name: 'vad',
  doc: 'The virtual address descriptors of a process.',
  heading: '   #    PID   Object Address    Pages     Commit      Range Start-End              Type  FLAGS  Description',
  index: 4,
  columns: [
    { name: 'pid', csv: 'PID', kind: 'decimal', value: ({ process }) => process.pid, text: { lead: '', width: 7, align: 'right' }, doc: 'the process' },
    { name: 'object', csv: 'Object', kind: 'address', value: ({ vad }) => vad.address, text: { width: 16, align: 'right' }, doc: 'address of the _MMVAD' },
    {
      name: 'pages', csv: 'Pages', kind: 'hex', value: ({ vad }) => (vad.end - vad.start + 1n) >> 12n, text: { width: 8, align: 'right' }, doc: 'pages of 4 KiB',
    },
    { name: 'commit', csv: 'Commit', kind: 'hex', value: ({ vad }) => vad.commit, text: { width: 8, align: 'right' }, doc: 'CommitCharge in pages' },
    { name: 'mem_commit', csv: 'MemCommit', kind: 'flag', value: ({ vad }) => vad.memCommit, text: { width: 1, align: 'left' }, doc: 'MemCommit' },
    { name: 'start', csv: 'Start', kind: 'address', value: ({ vad }) => vad.start, text: { width: 16, align: 'right' }, doc: 'first byte' },
    { name: 'end', csv: 'End', kind: 'address', value: ({ vad }) => vad.end, text: { lead: '-', width: 16, align: 'right' }, doc: 'last byte' },
    { name: 'type', csv: 'Type', kind: 'text', value: ({ vad }) => vadType(vad), text: { width: 5, align: 'left' }, doc: 'Image, File, Heap, Stack, Teb, Pf' },
    { name: 'flags', csv: 'Flags', kind: 'text', ours: true, value: ({ vad }) => vadFlags(vad), text: { width: 6, align: 'left' }, doc: 'private, modifier, r, w, x, copy' },
    { name: 'protection', csv: 'Protection', kind: 'text', value: ({ vad }) => protectionName(vad.protection), doc: 'the protection by Windows\' name' },
    {
      name: 'description', csv: 'Description', kind: 'text', value: ({ vad }) => vad.file ?? vad.what?.text ?? '', text: { width: 64, align: 'left' },
      doc: 'the mapped file, or what the process uses it for',
    },
  ],
};

/** A stretch of consecutive pages that the hardware maps, with the same rights and within the same module. */
export interface MappedRange {
  readonly pid: number;
  readonly start: bigint;
  pages: number;
  readonly rights: string;
  readonly wow64: boolean;
  readonly label: string;
}

export const PTES: Table<MappedRange> = {
  name: 'pte',
  doc: 'What the page tables of a process map, page by page, joined where rights and module are the same.',
  heading: '   #    PID    Pages      Range Start-End              FLAGS   Description',
  index: 4,
  columns: [
    { name: 'pid', csv: 'PID', kind: 'decimal', value: ({ pid }) => pid, text: { lead: '', width: 7, align: 'right' }, doc: 'the process' },
    { name: 'pages', csv: 'Pages', kind: 'hex', value: ({ pages }) => pages, text: { width: 8, align: 'right' }, doc: 'pages of 4 KiB' },
    { name: 'start', csv: 'Start', kind: 'address', value: ({ start }) => start, text: { width: 16, align: 'right' }, doc: 'first byte' },
    {
      name: 'end', csv: 'End', kind: 'address', value: ({ start, pages }) => start + BigInt(pages) * 4096n - 1n, text: { lead: '-', width: 16, align: 'right' },
      doc: 'last byte',
    },
    { name: 'flags', csv: 'Flags', kind: 'text', ours: true, value: ({ rights }) => rights, text: { width: 4, align: 'left' }, doc: 's (supervisor), r, w, x' },
    {
      name: 'wow64', csv: 'Wow64', kind: 'flag', value: ({ wow64 }) => wow64, text: { width: 2, align: 'left', show: ({ wow64 }) => (wow64 ? '32' : '') },
      doc: 'of a 32-bit module',
    },
    { name: 'description', csv: 'Description', kind: 'text', value: ({ label }) => label, text: { width: 64, align: 'left' }, doc: 'the module' },
  ],
};

/** The mapped ranges of a process, ascending: the user half, for System the kernel's too. */
export function* mappedRanges(process: Process): Generator<MappedRange> {
  const { memory, pid } = process;
  const modules = [...process.modules()].sort((a, b) => (a.base < b.base ? -1 : 1));
  const { kernelStart, lastAddress } = memory.mode;
  let next = 0;
  let open: MappedRange | undefined;
  for (const { start, pages, writable, executable, user } of memory.mappings(0n, pid === 4 ? lastAddress + 1n : kernelStart)) {
    const rights = `${user ? '-' : 's'}r${writable ? 'w' : '-'}${executable ? 'x' : '-'}`;
    for (let done = 0; done < pages;) {
      const at = start + BigInt(done) * 4096n;
      // Both lists ascend: what ends before this page is behind us.
      let module = modules[next];
      while (module !== undefined && module.base + BigInt(module.size) <= at) module = modules[next += 1];
      const inside = module !== undefined && module.base <= at;
      const border = module === undefined ? undefined : inside ? module.base + BigInt(module.size) : module.base;
      const step = border === undefined ? pages - done : Math.min(pages - done, Number((border - at + 4095n) >> 12n));
      const label = inside && module !== undefined ? moduleLabel(process, module) : '';
      if (open !== undefined && open.start + BigInt(open.pages) * 4096n === at && open.rights === rights && open.label === label) {
        open.pages += step;
      } else {
        if (open !== undefined) yield open;
        open = { pid, start: at, pages: step, rights, wow64: inside && module?.wow64 === true, label };
      }
      done += step;
    }
  }
  if (open !== undefined) yield open;
}

/** The memory maps of a process. */
export function memmapDirectory(process: Process): Directory {
  return directory({
    'pte.txt': tableFile(PTES, () => mappedRanges(process), { cost: 'slow' }),
    'vad.txt': tableFile(VADS, () => process.vads().map((vad) => ({ process, vad })), { cost: 'slow' }),
  }, { doc: 'what its address space consists of' });
}
