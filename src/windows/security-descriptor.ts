import { aclSize } from '../bytes/acl.js';
import { FormatError } from '../bytes/errors.js';
import { DESCRIPTOR_HEAD, sddl, securityDescriptor } from '../bytes/security-descriptor.js';
import { MAX_SID, sidLength } from '../bytes/sid.js';
import type { Kernel } from './kernel.js';

const PART_HEAD = 8;
/** An ACL is of at most 64 KiB. */
const MAX_DESCRIPTOR = 0x2_0000;
const PAGE = 4096;

/**
 * A security descriptor of kernel memory as SDDL, SIDs in full: `O:S-1-5-18G:S-1-5-18D:(A;;0x1f0003;;;S-1-1-0)`.
 * Undefined when it is not in the image. @throws FormatError when it is none
 */
export function securityDescriptorText(kernel: Kernel, address: bigint): string | undefined {
  const bytes = readDescriptor(kernel, address);
  return bytes && sddl(securityDescriptor(bytes), 'plain');
}

/** The descriptor, to the end of what its header names; one that runs into an absent page is not in the image. */
function readDescriptor(kernel: Kernel, address: bigint): Buffer | undefined {
  const head = kernel.memory.read(address, DESCRIPTOR_HEAD.size);
  if (head === undefined) return undefined;
  const offsets = [DESCRIPTOR_HEAD.owner, DESCRIPTOR_HEAD.group, DESCRIPTOR_HEAD.sacl, DESCRIPTOR_HEAD.dacl].map((at) => head.readUInt32LE(at));
  if (offsets.some((offset) => offset > MAX_DESCRIPTOR)) throw new FormatError('a security descriptor names what lies far behind it', address);
  const sizes = offsets.map((offset, i) => {
    if (offset === 0) return DESCRIPTOR_HEAD.size;
    const start = kernel.memory.read(address + BigInt(offset), PART_HEAD);
    return offset + (start === undefined ? PAGE : i < 2 ? Math.min(sidLength(start), MAX_SID) : aclSize(start));
  });
  return kernel.memory.read(address, Math.max(...sizes));
}
