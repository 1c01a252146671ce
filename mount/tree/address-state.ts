import { hex } from '../../src/bytes/hex.js';
import { control } from '../../src/vfs/control.js';
import type { ControlFile } from '../../src/vfs/node.js';
import type { Kernel } from '../../src/windows/kernel.js';

const DIGITS = /^(0x)?[0-9a-f]{1,16}$/i;

/** The address that a user wrote: hex, with or without `0x`, as debuggers show it (`fffff801`43a00000`); undefined when it is none. */
export function writtenAddress(text: string): bigint | undefined {
  const plain = text.trim().replaceAll('`', '').replaceAll('_', '');
  if (!DIGITS.test(plain)) return undefined;
  return BigInt(plain.toLowerCase().startsWith('0x') ? plain : `0x${plain}`);
}

/**
 * What users wrote into control files that take an address, by kernel and place in the tree: it lasts as long as the mount, whatever becomes of nodes.
 */
export class AddressStates {
  readonly #byKernel = new WeakMap<Kernel, Map<bigint | string, bigint>>();

  /** @param start what is there before anybody wrote */
  get(kernel: Kernel, place: bigint | string, start = 0n): bigint {
    return this.#byKernel.get(kernel)?.get(place) ?? start;
  }

  set(kernel: Kernel, place: bigint | string, address: bigint): void {
    const known = this.#byKernel.get(kernel) ?? new Map<bigint | string, bigint>();
    known.set(place, address);
    this.#byKernel.set(kernel, known);
  }
}

/** A control file that holds an address. @param valid a sentence on what is wrong with it, undefined when nothing is */
export function addressFile(read: () => bigint, write: (address: bigint) => void, valid: (address: bigint) => string | undefined, doc: string): ControlFile {
  return control(() => `${hex(read(), 16)}\n`, (text) => {
    const address = writtenAddress(text);
    if (address !== undefined) write(address);
  }, {
    doc,
    refuses(text) {
      const address = writtenAddress(text);
      return address === undefined ? 'Write one address in hex: up to 16 digits, with or without 0x.' : valid(address);
    },
  });
}
