import { hex } from '../bytes/hex.js';

/** Where a node's subject lies in kernel or process memory, as its extended attribute; nothing when it is at no address. */
export function addressXattr(address: bigint | undefined): Readonly<Record<string, string>> {
  return address === undefined ? {} : { 'user.memlens.address': `0x${hex(address, 16)}` };
}
