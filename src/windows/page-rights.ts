import type { AddressSpace, Mapping } from '../paging/address-space.js';

/**
 * What the processor maps in [start, end), to be asked for ascending addresses: the mapping that holds one, undefined where it would fault.
 * One pass over the page tables for all questions.
 */
export function mappedAt(memory: AddressSpace, start: bigint, end: bigint): (address: bigint) => Mapping | undefined {
  const mappings = memory.mappings(start, end);
  let current: Mapping | undefined;
  let ended = false;
  return (address) => {
    while (!ended && (current === undefined || current.start + BigInt(current.pages) * 4096n <= address)) {
      const next = mappings.next();
      ended = next.done === true;
      current = next.done === true ? undefined : next.value;
    }
    return current !== undefined && current.start <= address ? current : undefined;
  };
}
