import { FormatError } from '../bytes/errors.js';
import { hex } from '../bytes/hex.js';
import { aces, aclSize, type Ace } from './acl.js';
import type { Kernel } from './kernel.js';
import { MAX_SID, sidLength, sidText } from './sid.js';

/** `SECURITY_DESCRIPTOR` in self-relative form ([MS-DTYP] 2.4.6): revision, control, offsets of owner, group, SACL, DACL. */
const HEADER = { size: 20, control: 2, owner: 4, group: 8, sacl: 12, dacl: 16 } as const;
const SELF_RELATIVE = 0x8000;
/** Control bits with their letters in SDDL ([MS-DTYP] 2.5.1.1). */
const DACL = { present: 0x4, flags: [[0x1000, 'P'], [0x100, 'AR'], [0x400, 'AI']] } as const;
const SACL = { present: 0x10, flags: [[0x2000, 'P'], [0x200, 'AR'], [0x800, 'AI']] } as const;
const ACL_HEADER = 8;
/** ACE types as SDDL names them ([MS-DTYP] 2.5.1.1). */
const ACE_TYPES: Readonly<Record<string, string>> = {
  ACCESS_ALLOWED: 'A', ACCESS_DENIED: 'D', SYSTEM_AUDIT: 'AU', SYSTEM_ALARM: 'AL', ACCESS_ALLOWED_OBJECT: 'OA', ACCESS_DENIED_OBJECT: 'OD', SYSTEM_AUDIT_OBJECT: 'OU',
  ACCESS_ALLOWED_CALLBACK: 'XA', ACCESS_DENIED_CALLBACK: 'XD', SYSTEM_AUDIT_CALLBACK: 'XU', SYSTEM_MANDATORY_LABEL: 'ML', SYSTEM_RESOURCE_ATTRIBUTE: 'RA',
  SYSTEM_SCOPED_POLICY_ID: 'SP', SYSTEM_PROCESS_TRUST_LABEL: 'TL',
};
const ACE_FLAGS = [[0x1, 'OI'], [0x2, 'CI'], [0x4, 'NP'], [0x8, 'IO'], [0x10, 'ID'], [0x40, 'SA'], [0x80, 'FA']] as const;
/** An ACL is of at most 64 KiB. */
const MAX_DESCRIPTOR = 0x2_0000;
const PAGE = 4096;

/**
 * A security descriptor of kernel memory as SDDL, SIDs in full: `O:S-1-5-18G:S-1-5-18D:(A;;0x1f0003;;;S-1-1-0)`.
 * Undefined when it is not in the image. @throws FormatError when it is none
 */
export function securityDescriptor(kernel: Kernel, address: bigint): string | undefined {
  const bytes = readDescriptor(kernel, address);
  if (bytes === undefined) return undefined;
  const control = bytes.readUInt16LE(HEADER.control);
  if (bytes[0] !== 1 || (control & SELF_RELATIVE) === 0) throw new FormatError('no self-relative security descriptor', address);
  const parts = [
    sid(bytes, 'O:', bytes.readUInt32LE(HEADER.owner)), sid(bytes, 'G:', bytes.readUInt32LE(HEADER.group)),
    acl(bytes, 'D:', DACL, control, bytes.readUInt32LE(HEADER.dacl)), acl(bytes, 'S:', SACL, control, bytes.readUInt32LE(HEADER.sacl)),
  ];
  return parts.join('');
}

/** The descriptor, to the end of what its header names; one that runs into an absent page is not in the image. */
function readDescriptor(kernel: Kernel, address: bigint): Buffer | undefined {
  const head = kernel.memory.read(address, HEADER.size);
  if (head === undefined) return undefined;
  const offsets = [HEADER.owner, HEADER.group, HEADER.sacl, HEADER.dacl].map((at) => head.readUInt32LE(at));
  if (offsets.some((offset) => offset > MAX_DESCRIPTOR)) throw new FormatError('a security descriptor names what lies far behind it', address);
  const sizes = offsets.map((offset, i) => {
    if (offset === 0) return HEADER.size;
    const start = kernel.memory.read(address + BigInt(offset), ACL_HEADER);
    return offset + (start === undefined ? PAGE : i < 2 ? Math.min(sidLength(start), MAX_SID) : aclSize(start));
  });
  return kernel.memory.read(address, Math.max(...sizes));
}

function sid(bytes: Buffer, letters: string, offset: number): string {
  const text = offset === 0 || offset + ACL_HEADER > bytes.length ? undefined : sidText(bytes, offset);
  return text === undefined ? '' : letters + text;
}

function acl(bytes: Buffer, letters: string, { present, flags }: typeof DACL | typeof SACL, control: number, offset: number): string {
  if ((control & present) === 0) return '';
  const letter = flags.map(([bit, name]) => ((control & bit) === 0 ? '' : name)).join('');
  // A list that is present and empty of place grants everything.
  if (offset === 0) return `${letters}${letter}NO_ACCESS_CONTROL`;
  if (offset + ACL_HEADER > bytes.length) return '';
  return `${letters}${letter}${aces(bytes.subarray(offset)).map(entry).join('')}`;
}

function entry({ type, flags, mask, sid }: Ace): string {
  const letters = ACE_FLAGS.map(([bit, letter]) => ((flags & bit) === 0 ? '' : letter)).join('');
  return `(${ACE_TYPES[type] ?? type};${letters};0x${hex(mask)};;;${sid ?? ''})`;
}
