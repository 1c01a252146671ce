import type { Run } from '../../src/bytes/memory.js';
import { MEMORY_MAP, memoryParts } from '../../src/tables/memory-map.js';
import { regionFileName, regionRange } from '../../src/tables/memory-name.js';
import { vadFlags, vadType } from '../../src/tables/vads.js';
import { listing } from '../../src/vfs/directory.js';
import type { BytesFile, Directory, Node, WindowFile } from '../../src/vfs/node.js';
import { tableFile } from '../../src/vfs/table.js';
import { addressXattr } from '../../src/vfs/xattr.js';
import { kernelModuleAt, memoryRegions, type MemoryRegion } from '../../src/windows/memory-region.js';
import { countPages, missingBytes, pageRanges } from '../../src/windows/page-range.js';
import type { Process } from '../../src/windows/process.js';
import { vadAt } from '../../src/windows/vad.js';

/**
 * `vmem/` of a process: a file a VAD, or where much of one is not there a file a stretch of pages that is. Names say the range, so that a name
 * is found without going through page tables; besides what is listed, any range of a VAD whose ends are there answers by its name.
 */
export function vmemDirectory(process: Process): Directory {
  const named = function* (): Generator<readonly [name: string, region: MemoryRegion]> {
    for (const region of memoryRegions(process)) yield [regionFileName(region, process.memory.mode), region] as const;
  };
  const map = tableFile(MEMORY_MAP, () => memoryParts(process, named()), { cost: 'slow' });
  return listing({
    *entries() {
      yield ['map.txt', map] as const;
      for (const [name, region] of named()) yield [name, windowOf(process, region)] as const;
    },
    lookup(name) {
      if (name === 'map.txt') return map;
      const region = regionNamed(process, name.endsWith('.map') ? name.slice(0, -4) : name);
      if (region === undefined) return undefined;
      return name.endsWith('.map') ? mapOf(process, name.slice(0, -4), region) : windowOf(process, region);
    },
  }, { doc: 'its memory, a file a region', cost: 'slow' });
}

/** What of one file is there; not listed. */
function mapOf(process: Process, name: string, region: MemoryRegion): BytesFile {
  return tableFile(MEMORY_MAP, () => memoryParts(process, [[name, region]]), { cost: 'slow', doc: 'what of the file is there' });
}

/** The region that a name names, when it is there. */
function regionNamed(process: Process, name: string): MemoryRegion | undefined {
  const range = regionRange(name);
  if (range === undefined) return undefined;
  const { start, end } = range;
  const { memory } = process;
  const isKernel = start >= memory.mode.kernelStart;
  if (isKernel ? process.pid !== 4 || end > memory.mode.lastAddress : end >= memory.mode.kernelStart) return undefined;
  const vad = isKernel ? undefined : vadAt(process.vads(), start);
  if (vad !== undefined && end > vad.end) return undefined;
  const isVad = vad?.start === start && vad.end === end;
  if (!isVad && (memory.read(start, 1) === undefined || memory.read(end, 1) === undefined)) return undefined;
  const region = { start, end, vad, module: isKernel ? kernelModuleAt(process, start) : undefined };
  return regionFileName(region, memory.mode) === name ? region : undefined;
}

function windowOf(process: Process, { start, end, vad }: MemoryRegion): WindowFile & Node {
  return {
    kind: 'window',
    size: Number(end - start) + 1,
    fill: (offset, target) => process.memory.fill(start + BigInt(offset), target),
    *runs(): Generator<Run<number>> {
      for (const run of process.memory.runs(start, end + 1n)) yield { start: Number(run.start - start), length: run.length };
    },
    xattrs: () => ({
      ...addressXattr(start),
      ...(vad === undefined ? {} : { 'user.memlens.protection': vadFlags(vad), 'user.memlens.type': vadType(vad) ?? 'Private' }),
    }),
    slowXattrs: {
      names: ['user.memlens.missing'],
      read: () => ({ 'user.memlens.missing': String(missingBytes(countPages(pageRanges(process, start, end + 1n)))) }),
    },
    doc: 'memory of the process; what is not in the image reads as zeros',
  };
}
