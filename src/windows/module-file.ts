import { createHash } from 'node:crypto';
import type { Run } from '../bytes/memory.js';
import { fileLayout, mappedSize, type FileLayout } from '../pe/file-layout.js';
import { peHeader, type PeDirectory, type PeHeader, type PeSection } from '../pe/header.js';
import { holesOf, missingBytes } from '../vfs/holes.js';
import type { WindowFile } from '../vfs/node.js';
import { memoryWindow } from '../vfs/window.js';
import type { Module } from './module.js';
import type { Process } from './process.js';
import { vadAt } from './vad.js';

/** What an image that no file is mapped for may claim beyond its last present page: only its own headers speak for it. */
const MOST_UNBACKED = 16 * 2 ** 20;
const HASHED = 2 ** 20;

/** A module's file, rebuilt from its image in memory. */
export interface ModuleFile {
  readonly header: PeHeader;
  /** Bytes of the image that are taken for mapped, from its base on. */
  readonly extent: number;
  readonly layout: FileLayout;
  /** The file: headers and raw data where they lie on disk. Zeros where nothing is in memory. */
  readonly node: WindowFile;
  /** The ranges of the file that are not in memory, ascending. */
  absent(): readonly Run<number>[];
  /** Bytes of the file that are not in memory. */
  missing(): number;
  /** SHA-256 of the file as it reads, in hex, and the bytes of it that are not in memory. Reads all of it. */
  digest(): { readonly sha256: string; readonly missing: number };
}

/** Bytes of a module's image that may be asked for: SizeOfImage, no more than its VAD (or, of a kernel module, its list entry) has room for. */
function extentOf(process: Process, { base, size }: Module, header: PeHeader): number {
  if (process.kernel.isKernelAddress(base)) return Math.min(header.sizeOfImage, size);
  const vad = vadAt(process.vads(), base);
  const room = vad === undefined ? header.sizeOfImage : Math.min(header.sizeOfImage, Number(vad.end - base) + 1);
  if (vad?.image === true || room <= MOST_UNBACKED) return room;
  let present = 0;
  for (const { start, length } of process.memory.runs(base, base + BigInt(room))) present = Number(start - base) + length;
  return Math.min(room, Math.max(present, MOST_UNBACKED));
}

/**
 * The file of a module, rebuilt: each section's raw data at its place in the file, headers as they are in memory. What the loader has
 * changed stays changed: relocated addresses, the bound import table, ImageBase. Undefined when no PE header is in memory at its base.
 */
export function moduleFile(process: Process, module: Module): ModuleFile | undefined {
  const { memory } = process;
  const { base } = module;
  const header = peHeader(memory, base);
  if (header === undefined) return undefined;
  const extent = extentOf(process, module, header);
  const layout = fileLayout(header, extent);
  const { size, pieces } = layout;
  for (const { rva } of layout.misplaced) process.anomalies.add(`${process.where} modules`, 'a section claims a place in its file where that has none', base + BigInt(rva));
  const node: WindowFile = {
    kind: 'window',
    size,
    fill(offset, target) {
      const end = offset + target.length;
      let missing = 0;
      let done = offset;
      const zeros = (until: number): void => {
        if (until <= done) return;
        target.fill(0, done - offset, until - offset);
        missing += until - done;
        done = until;
      };
      for (const piece of pieces) {
        const from = Math.max(piece.offset, offset);
        const to = Math.min(piece.offset + piece.length, end);
        if (to <= from) continue;
        zeros(from);
        missing += memory.fill(base + BigInt(piece.rva + from - piece.offset), target.subarray(from - offset, to - offset));
        done = to;
      }
      zeros(end);
      return missing;
    },
    *runs() {
      let open: { start: number; length: number } | undefined;
      for (const { offset, rva, length } of pieces) {
        const start = base + BigInt(rva);
        for (const run of memory.runs(start, start + BigInt(length))) {
          const from = offset + Number(run.start - start);
          if (open !== undefined && open.start + open.length === from) {
            open.length += run.length;
            continue;
          }
          if (open !== undefined) yield open;
          open = { start: from, length: run.length };
        }
      }
      if (open !== undefined) yield open;
    },
  };
  let known: readonly Run<number>[] | undefined;
  const absent = (): readonly Run<number>[] => known ??= holesOf(node.runs?.() ?? [], size);
  return {
    header, extent, layout, node, absent,
    missing: () => missingBytes(absent()),
    digest() {
      const hash = createHash('sha256');
      const chunk = Buffer.alloc(Math.min(size, HASHED));
      let missing = 0;
      for (let at = 0; at < size; at += HASHED) {
        const part = chunk.subarray(0, Math.min(HASHED, size - at));
        missing += node.fill(at, part);
        hash.update(part);
      }
      return { sha256: hash.digest('hex'), missing };
    },
  };
}

/**
 * The bytes of each section in memory, in the order of the table. A section that reaches into the next one by address ends there, so that
 * a lying table does not show the same bytes over and over.
 */
export function sectionWindows(process: Process, { base }: Module, { header, extent }: Pick<ModuleFile, 'header' | 'extent'>): readonly (readonly [PeSection, WindowFile])[] {
  const { memory } = process;
  const order = header.sections.map((section, i) => ({ section, i })).sort((a, b) => a.section.rva - b.section.rva || a.i - b.i);
  const sizes = new Map<PeSection, number>();
  order.forEach(({ section }, place) => {
    const next = order[place + 1]?.section.rva ?? extent;
    sizes.set(section, Math.max(0, Math.min(mappedSize(section, extent), next - section.rva)));
  });
  return header.sections.map((section) => [section, memoryWindow(memory, base + BigInt(section.rva), sizes.get(section) ?? 0)] as const);
}

/** The bytes of each data directory that is in memory: all but the certificates, whose place is one in the file. */
export function directoryWindows(process: Process, { base }: Module, { header, extent }: Pick<ModuleFile, 'header' | 'extent'>): readonly (readonly [PeDirectory, WindowFile])[] {
  const { memory } = process;
  return header.directories
    .filter(({ name, rva, size }) => name !== 'SECURITY' && rva !== 0 && size !== 0 && rva < extent)
    .map((directory) => [directory, memoryWindow(memory, base + BigInt(directory.rva), Math.min(directory.size, extent - directory.rva))] as const);
}
