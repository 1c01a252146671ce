import type { Allocation, HeapSegment } from './heap-allocation.js';
import { MAX_ALLOCATIONS } from './heap-allocation.js';
import { heaps, type Heap } from './heap-list.js';
import { ntAllocations, ntSegments } from './heap-nt.js';
import { segmentHeapAllocations, segmentHeapSegments } from './heap-segment.js';
import type { Process } from './process.js';

export type { Allocation, AllocationKind, HeapSegment, HeapSegmentKind } from './heap-allocation.js';
export type { Heap } from './heap-list.js';

/** The heaps of a process, and what they hold. Methods read the image and remember while the process's heaps are in use. */
export class ProcessHeaps {
  #heaps: readonly Heap[] | undefined;
  readonly #allocations = new Map<number, readonly Allocation[]>();

  constructor(readonly process: Process) {}

  heaps(): readonly Heap[] {
    return this.#heaps ??= this.#attempt(() => heaps(this.process)) ?? [];
  }

  /** What a heap has, ascending by address. */
  segments(heap: Heap): readonly HeapSegment[] {
    return this.#attempt(() => [...heap.kind === 'Nt' ? ntSegments(this.process, heap) : heap.kind === 'Seg' ? segmentHeapSegments(this.process, heap) : []].sort(byAddress)) ?? [];
  }

  /** What programs hold of a heap, ascending by address, each place once. */
  allocations(heap: Heap): readonly Allocation[] {
    this.process.kernel.recent.use(this);
    let known = this.#allocations.get(heap.number);
    if (known === undefined) {
      const found = new Map<bigint, Allocation>();
      this.#attempt(() => {
        for (const allocation of heap.kind === 'Nt' ? ntAllocations(this.process, heap) : heap.kind === 'Seg' ? segmentHeapAllocations(this.process, heap) : []) {
          if (found.size >= MAX_ALLOCATIONS) {
            this.process.anomalies.add(`${this.process.where} heaps`, `heap ${heap.number}: stopped after ${MAX_ALLOCATIONS} allocations`, heap.address);
            return;
          }
          found.set(allocation.address, allocation);
        }
      });
      this.#allocations.set(heap.number, known = [...found.values()].sort(byAddress));
    }
    return known;
  }

  /** Gives up what was read; it is read again when it is asked for. */
  forget(): void {
    this.#heaps = undefined;
    this.#allocations.clear();
  }

  #attempt<T>(read: () => T): T | undefined {
    return this.process.anomalies.attempt(`${this.process.where} heaps`, read);
  }
}

function byAddress(a: { readonly address: bigint }, b: { readonly address: bigint }): number {
  return a.address < b.address ? -1 : a.address > b.address ? 1 : 0;
}
