import { hex, hexAscii } from '../../src/bytes/hex.js';
import { ALLOCATIONS, ALLOCATIONS_VERBOSE, HEAP_SEGMENTS, HEAPS, type AllocationRow, type HeapSegmentRow } from '../../src/tables/heaps.js';
import { directory, listing } from '../../src/vfs/directory.js';
import type { Directory, Node, WindowFile } from '../../src/vfs/node.js';
import { tableFile } from '../../src/vfs/table.js';
import { text } from '../../src/vfs/text.js';
import { addressedWindow, memoryWindow } from '../../src/vfs/window.js';
import { addressXattr } from '../../src/vfs/xattr.js';
import { ProcessHeaps, type Allocation, type Heap } from '../../src/windows/heap.js';
import type { Process } from '../../src/windows/process.js';

/** A directory lists no more allocations than this. */
const PER_DIRECTORY = 0x1000;
const SHOWN = 16;

const README = `The heaps of a process
======================
heaps.txt       the heaps that its PEB lists: NT heaps and segment heaps
segments.txt    the memory that each has
<n>/allocations.txt     what the program holds of heap <n>
<n>/allocations-v.txt   the same, with how each allocation begins
<n>/0x<k>/      the allocations from number <k> on, a file each, by address: 0x0, 0x1000, 0x2000…
                Listed where the heap has 4096 allocations at most; else they answer by name,
                so that walking the tree ends. allocations.txt has the addresses.

Blocks are followed from head to head; where pages are missing, from the next place that heads prove.
Needs no symbols. Not shown: allocations of 32-bit segment heaps, of segment heaps before Windows 10 1809,
and of variable size of those of Windows 11 24H2.
`;

/** The first bytes of an allocation, in hex and as ASCII. */
function beginning({ half }: Heap, { address, size }: Allocation): string | undefined {
  const bytes = half.memory.read(address, Math.min(SHOWN, size));
  return bytes === undefined ? undefined : hexAscii(bytes).trimEnd().slice(6);
}

function allocationFile({ half }: Heap, { address, size }: Allocation): WindowFile {
  return addressedWindow(memoryWindow(half.memory, address, size, { doc: 'an allocation\'s bytes' }), address);
}

/** `0x0001386c390000.mem`, with as many digits as MemProcFS writes. */
function nameOf({ half }: Heap, { address }: Allocation): string {
  return `0x${hex(address, half.pointerSize === 8 ? 12 : 8)}.mem`;
}

/** The allocations from number `first` on. */
function allocationFiles(heaps: ProcessHeaps, heap: Heap, first: number): Directory {
  const part = (): readonly Allocation[] => heaps.allocations(heap).slice(first, first + PER_DIRECTORY);
  return listing({
    * entries() {
      for (const allocation of part()) yield [nameOf(heap, allocation), allocationFile(heap, allocation)] as const;
    },
    lookup(name) {
      const digits = /^0x([0-9a-f]{8,16})\.mem$/.exec(name)?.[1];
      const address = digits === undefined ? undefined : BigInt(`0x${digits}`);
      const allocation = address === undefined ? undefined : find(heaps.allocations(heap), address, first);
      return allocation === undefined || nameOf(heap, allocation) !== name ? undefined : allocationFile(heap, allocation);
    },
  }, { cost: 'slow', doc: 'allocations of the heap, a file each' });
}

/** The allocation at an address, of those from number `first` on. */
function find(allocations: readonly Allocation[], address: bigint, first: number): Allocation | undefined {
  let low = first;
  let high = Math.min(first + PER_DIRECTORY, allocations.length) - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const allocation = allocations[middle]!;
    if (allocation.address === address) return allocation;
    if (allocation.address < address) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}

/** One heap. */
function heapDirectory(heaps: ProcessHeaps, heap: Heap): Directory {
  const { process } = heaps;
  function* rows(verbose: boolean): Generator<AllocationRow> {
    for (const allocation of heaps.allocations(heap)) yield { process, heap, allocation, ...(verbose ? { bytes: beginning(heap, allocation) } : {}) };
  }
  const fixed: Readonly<Record<string, Node>> = {
    'allocations.txt': tableFile(ALLOCATIONS, () => rows(false), { cost: 'slow' }),
    'allocations-v.txt': tableFile(ALLOCATIONS_VERBOSE, () => rows(true), { cost: 'slow' }),
  };
  const parts = new Map<number, Directory>();
  const part = (first: number): Directory => {
    let known = parts.get(first);
    if (known === undefined) parts.set(first, known = allocationFiles(heaps, heap, first));
    return known;
  };
  return listing({
    * entries() {
      yield* Object.entries(fixed);
      // A program may hold millions: walking the tree passes the files of a large heap by.
      if (heaps.allocations(heap).length > PER_DIRECTORY) return;
      for (let first = 0; first < heaps.allocations(heap).length; first += PER_DIRECTORY) yield [`0x${hex(first)}`, part(first)] as const;
    },
    lookup(name) {
      if (Object.hasOwn(fixed, name)) return fixed[name];
      const digits = /^0x(0|[1-9a-f][0-9a-f]{0,5})$/.exec(name)?.[1];
      const first = digits === undefined ? undefined : Number.parseInt(digits, 16);
      return first === undefined || first % PER_DIRECTORY !== 0 || first >= heaps.allocations(heap).length ? undefined : part(first);
    },
  }, { cost: 'slow', doc: 'the allocations of one heap', xattrs: () => addressXattr(heap.address) });
}

/** `heaps/` of a process; undefined when it has none. */
export function heapsDirectory(process: Process): Directory | undefined {
  if (process.terminated || process.facts.peb === undefined) return undefined;
  const heaps = new ProcessHeaps(process);
  const fixed = directory({
    'heaps.txt': tableFile(HEAPS, () => heaps.heaps().map((heap) => ({ process, heap })), { cost: 'slow' }),
    'readme.txt': text(() => README, { doc: 'what is here' }),
    'segments.txt': tableFile(HEAP_SEGMENTS, function* rows(): Generator<HeapSegmentRow> {
      for (const heap of heaps.heaps()) for (const segment of heaps.segments(heap)) yield { process, heap, segment };
    }, { cost: 'slow' }),
  });
  const made = new Map<bigint, Directory>();
  const directoryOf = (heap: Heap): Directory => {
    let known = made.get(heap.address);
    if (known === undefined) made.set(heap.address, known = heapDirectory(heaps, heap));
    return known;
  };
  return listing({
    * entries() {
      yield* fixed.entries();
      for (const heap of heaps.heaps()) yield [String(heap.number), directoryOf(heap)] as const;
    },
    lookup(name) {
      const heap = /^(0|[1-9]\d{0,4})$/.test(name) ? heaps.heaps()[Number(name)] : undefined;
      return heap === undefined ? fixed.lookup(name) : directoryOf(heap);
    },
  }, { doc: 'its heaps and their allocations' });
}
