import { hex } from '../bytes/hex.js';
import type { PageKind, PageState } from '../paging/pte.js';
import type { Table } from '../vfs/column.js';
import { mappedAt } from '../windows/page-rights.js';
import type { Process } from '../windows/process.js';
import type { Vad } from '../windows/vad.js';
import { vadDescription, vadFlags, vadType } from './vads.js';

/** A page of a VAD, or neighbouring ones of which the page tables say nothing. */
export interface VadPage {
  readonly process: Process;
  readonly vad: Vad;
  readonly start: bigint;
  readonly pages: number;
  /** Undefined: there is no page table entry, or there are too many to show each. */
  readonly state: PageState | undefined;
  readonly kind: PageKind | 'lost';
  /** `rwx`, as the processor grants it. */
  readonly rights: string;
}

/** A page each up to here; pages beyond that are alike are one line. */
const MOST_LINES = 1 << 17;

/** MemProcFS's letters; M: only the mapped file has it; ?: its page table is not in the image. */
const LETTERS: Readonly<Record<PageKind | 'lost', string>> = {
  'present': 'A', 'transition': 'T', 'prototype': 'P', 'demand-zero': 'Z', 'compressed': 'C', 'pagefile': 'F', 'file': 'M', 'unmapped': '-', 'lost': '?',
};

/** What is not there reads as zeros in the text, so that lines have the fields that scripts count. */
const digits = (value: bigint | number | undefined, width: number): string => hex(value ?? 0, width);

/** The pages of VADs. */
export const VAD_PAGES: Table<VadPage> = {
  name: 'vad_pages',
  doc: 'The pages of VADs, each with its page table entry and what lies behind it. Neighbouring pages without an entry are one line.',
  heading: '     #    PID               Va           Pa              Pte T Rwx           Object     Proto Pa        Proto Pte T Type  FLAGS     Pages Description',
  index: 6,
  columns: [
    { name: 'pid', csv: 'PID', kind: 'decimal', value: ({ process }) => process.pid, text: { lead: '', width: 7, align: 'right' }, doc: 'the process' },
    { name: 'va', csv: 'VA', kind: 'address', value: ({ start }) => start, text: { width: 16, align: 'right' }, doc: 'virtual address' },
    {
      name: 'pa', csv: 'PA', kind: 'hex', value: ({ state }) => state?.physical, text: { width: 12, align: 'right', show: ({ state }) => digits(state?.physical, 12) },
      doc: 'physical address of its content, where that is in memory',
    },
    { name: 'pte', csv: 'PTE', kind: 'address', value: ({ state }) => state?.pte, text: { width: 16, align: 'right', show: ({ state }) => digits(state?.pte, 16) }, doc: 'the page table entry' },
    {
      name: 'page_type', csv: 'PageType', kind: 'text', ours: true, value: ({ kind }) => LETTERS[kind], text: { width: 1, align: 'left' },
      doc: 'A active, T transition, P prototype, Z demand zero, C compressed, F page file, M only in the mapped file, - no entry, ? its page table is not in the image',
    },
    { name: 'rights', csv: 'Rights', kind: 'text', ours: true, value: ({ rights }) => rights, text: { width: 3, align: 'left' }, doc: 'r, w, x as the processor grants them' },
    { name: 'vad', csv: 'Object', kind: 'address', value: ({ vad }) => vad.address, text: { width: 16, align: 'right' }, doc: 'address of the _MMVAD' },
    {
      name: 'proto_pa', csv: 'ProtoPA', kind: 'hex', value: ({ state }) => state?.prototype?.state?.physical,
      text: { width: 12, align: 'right', show: ({ state }) => digits(state?.prototype?.state?.physical, 12) }, doc: 'physical address that the prototype entry gives',
    },
    {
      name: 'proto_pte', csv: 'ProtoPTE', kind: 'address', value: ({ state }) => state?.prototype?.state?.pte,
      text: { width: 16, align: 'right', show: ({ state }) => digits(state?.prototype?.state?.pte, 16) }, doc: 'the prototype entry',
    },
    {
      name: 'proto_type', csv: 'ProtoType', kind: 'text', ours: true, value: ({ state }) => LETTERS[state?.prototype?.state?.kind ?? 'unmapped'], text: { width: 1, align: 'left' },
      doc: 'what the prototype entry says, by the same letters',
    },
    { name: 'proto_address', csv: 'ProtoAddress', kind: 'address', value: ({ state }) => state?.prototype?.address, doc: 'where the prototype entry is, in kernel memory' },
    { name: 'vad_type', csv: 'Type', kind: 'text', value: ({ vad }) => vadType(vad), text: { width: 5, align: 'left' }, doc: 'Image, File, Heap, Stack, Teb, Pf' },
    { name: 'flags', csv: 'Flags', kind: 'text', ours: true, value: ({ vad }) => vadFlags(vad), text: { width: 6, align: 'left' }, doc: 'protection of the VAD' },
    { name: 'pages', csv: 'Pages', kind: 'hex', value: ({ pages }) => pages, text: { width: 8, align: 'right' }, doc: 'pages of 4 KiB that the line stands for' },
    { name: 'description', csv: 'Description', kind: 'text', value: ({ vad }) => vadDescription(vad), text: { width: 32, align: 'left' }, doc: 'the mapped file, or what the process uses it for' },
  ],
};

/** The pages of some VADs of a process, as VADs come. */
export function* vadPages(process: Process, vads: Iterable<Vad>): Generator<VadPage> {
  const { memory } = process;
  let lines = 0;
  for (const vad of vads) {
    const end = vad.end + 1n;
    const without = (from: bigint, to: bigint, kind: VadPage['kind']): VadPage =>
      ({ process, vad, start: from, pages: Number((to - from) >> 12n), state: undefined, kind, rights: '---' });
    const mapped = mappedAt(memory, vad.start, end);
    let next = vad.start;
    for (const { start, pages, kind } of memory.states(vad.start, end)) {
      if (start > next) yield without(next, start, 'unmapped');
      next = start + BigInt(pages) * 4096n;
      lines += pages;
      if (kind === 'unmapped' || lines > MOST_LINES) {
        yield without(start, next, kind === 'unmapped' ? 'lost' : kind);
        continue;
      }
      for (let at = start; at < next; at += 4096n) {
        const state = memory.pte(at);
        const mapping = kind === 'present' ? mapped(at) : undefined;
        const rights = mapping === undefined ? '---' : `r${mapping.writable ? 'w' : '-'}${mapping.executable ? 'x' : '-'}`;
        yield { process, vad, start: at, pages: 1, state, kind: state.kind, rights };
      }
    }
    if (next < end) yield without(next, end, 'unmapped');
  }
}
