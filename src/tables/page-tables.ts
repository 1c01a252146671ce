import type { Table } from '../vfs/column.js';
import { moduleLabel } from '../windows/module.js';
import type { Process } from '../windows/process.js';

/** A stretch of consecutive pages that the hardware maps, with the same rights and within the same module. */
export interface MappedRange {
  readonly pid: number;
  readonly start: bigint;
  pages: number;
  readonly rights: string;
  readonly wow64: boolean;
  /** Undefined: within no module. */
  readonly label: string | undefined;
}

/** The page-table map of a process. */
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
    { name: 'description', csv: 'Description', kind: 'text', value: ({ label }) => label, text: { width: 64, align: 'left' }, doc: 'the module, if any' },
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
      const label = inside && module !== undefined ? moduleLabel(process, module) : undefined;
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
