import type { Kernel } from './kernel.js';
import { objectManager, type ObjectManager } from './object.js';
import { headerReader, type HeaderFacts } from './object-header.js';
import { poolGranule } from './pool.js';

/** More optional headers than this no object has, padding included. */
const LONGEST = 0x100;
/** A count of references beyond this is no count (a handle may hold 0x7fff of them). */
const MOST_POINTERS = 0x1_0000_0000n;
/** What XP and 2003 leave in place of the type of an object that was freed. */
const FREED = 0xbad0_b0b0n;

/** Where an executive object may begin in a block, from its header's and its optional headers' own account. */
export interface ObjectPlaces {
  /**
   * Bodies in the block whose data begins at `data` and has `length` bytes, likeliest first.
   * @param type the object type's name: `Process`
   */
  bodies(data: bigint, length: number, type: string): Iterable<bigint>;
}

/** @throws FormatError when the profile knows no object headers */
export function objectPlaces(kernel: Kernel): ObjectPlaces {
  const headers = headerReader(kernel);
  const { bodyOffset, maskAt } = headers;
  const manager = objectManager(kernel);
  const types = typeNames(kernel, manager);
  const step = poolGranule(kernel) / 2;
  return {
    * bodies(data, length, type) {
      const bytes = firstBytes(kernel, data, Math.min(length, LONGEST + headers.size));
      for (let at = 0; at + bodyOffset <= bytes.length && at <= LONGEST; at += step) {
        // One byte tells nearly all places apart; the rest is decoded.
        if (maskAt !== undefined && !fits(headers.before(bytes[at + maskAt] ?? 0), at)) continue;
        const address = data + BigInt(at);
        const header = headers.decode(bytes.subarray(at), address);
        if (header === undefined || header.pointers >= MOST_POINTERS || !fits(header.before, at)) continue;
        const candidate = address + BigInt(bodyOffset);
        // Where the type itself is not in the image, the body's own rule must do.
        if (types?.has(type) !== true || header.type === FREED || manager.header(candidate)?.type?.name === type) yield candidate;
      }
    },
  };
}

/** Whether the optional headers, as an object header tells them, fill what lies before it in the block. */
function fits({ bytes, exact }: HeaderFacts['before'], at: number): boolean {
  return exact ? bytes === at : bytes <= at;
}

/** The block's first bytes; where they run into a page that is absent, those of the first page. */
function firstBytes(kernel: Kernel, address: bigint, length: number): Buffer {
  const inPage = 0x1000 - Number(address & 0xfffn);
  return kernel.memory.read(address, length) ?? kernel.memory.read(address, Math.min(length, inPage)) ?? Buffer.alloc(0);
}

/** The types that headers name; undefined where types cannot be told from headers in this image: System's must say `Process`. */
function typeNames(kernel: Kernel, manager: ObjectManager): ReadonlySet<string> | undefined {
  const symbol = kernel.symbol('PsInitialSystemProcess');
  const system = (symbol === undefined ? undefined : kernel.pointer(symbol)) ?? kernel.facts.system;
  if (system === undefined || !kernel.isKernelAddress(system) || manager.header(system)?.type?.name !== 'Process') return undefined;
  return new Set([...manager.types.values()].map(({ name }) => name));
}
