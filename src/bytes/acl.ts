import { FormatError } from './errors.js';
import { guidText } from './guid.js';
import { sidLength, sidText } from './sid.js';

/** An entry of an access control list ([MS-DTYP] 2.4.4). */
export interface Ace {
  readonly type: number;
  /** Inheritance and audit, in bits. */
  readonly flags: number;
  readonly mask: number;
  /** Undefined for entries of other shapes, and where the bytes begin no SID. */
  readonly sid: string | undefined;
  /** GUIDs of entries about objects of a directory, without braces. */
  readonly objectType: string | undefined;
  readonly inheritedObjectType: string | undefined;
  /** What follows the SID: the condition of a callback entry, the claim of a resource attribute. */
  readonly rest: Buffer;
}

/** A type of entry: its name, its letters in SDDL ([MS-DTYP] 2.5.1.1), and what follows the mask. */
interface AceType {
  readonly name: string;
  readonly letters?: string | undefined;
  readonly shape: 'sid' | 'object' | 'other';
}

const sid = (name: string, letters?: string): AceType => ({ name, letters, shape: 'sid' });
const object = (name: string, letters?: string): AceType => ({ name, letters, shape: 'object' });

/** ACE_TYPE of [MS-DTYP] 2.4.4.1 and winnt.h, by number. */
const TYPES: readonly AceType[] = [
  sid('ACCESS_ALLOWED', 'A'), sid('ACCESS_DENIED', 'D'), sid('SYSTEM_AUDIT', 'AU'), sid('SYSTEM_ALARM', 'AL'),
  { name: 'ACCESS_ALLOWED_COMPOUND', shape: 'other' },
  object('ACCESS_ALLOWED_OBJECT', 'OA'), object('ACCESS_DENIED_OBJECT', 'OD'), object('SYSTEM_AUDIT_OBJECT', 'OU'), object('SYSTEM_ALARM_OBJECT', 'OL'),
  sid('ACCESS_ALLOWED_CALLBACK', 'XA'), sid('ACCESS_DENIED_CALLBACK', 'XD'),
  object('ACCESS_ALLOWED_CALLBACK_OBJECT', 'ZA'), object('ACCESS_DENIED_CALLBACK_OBJECT'),
  sid('SYSTEM_AUDIT_CALLBACK', 'XU'), sid('SYSTEM_ALARM_CALLBACK'), object('SYSTEM_AUDIT_CALLBACK_OBJECT'), object('SYSTEM_ALARM_CALLBACK_OBJECT'),
  sid('SYSTEM_MANDATORY_LABEL', 'ML'), sid('SYSTEM_RESOURCE_ATTRIBUTE', 'RA'), sid('SYSTEM_SCOPED_POLICY_ID', 'SP'), sid('SYSTEM_PROCESS_TRUST_LABEL', 'TL'),
  sid('SYSTEM_ACCESS_FILTER', 'FL'),
];

/** The type of a mandatory label, whose rights are its own. */
export const MANDATORY_LABEL = 0x11;
const HEAD = 8;
const ACE_HEAD = 8;
/** Which GUIDs an entry about objects has. */
const HAS_OBJECT_TYPE = 1;
const HAS_INHERITED_OBJECT_TYPE = 2;

/** `ACCESS_ALLOWED`; the number in hex where it is none that is known. */
export function aceTypeName(type: number): string {
  return TYPES[type]?.name ?? `0x${type.toString(16)}`;
}

/** `A`; the number in hex where SDDL has no letters. */
export function aceTypeLetters(type: number): string {
  return TYPES[type]?.letters ?? `0x${type.toString(16)}`;
}

/** How many bytes the list has that begins with these. @throws FormatError when they begin none */
export function aclSize(head: Buffer): number {
  const revision = head[0] ?? 0;
  const size = head.length < HEAD ? 0 : head.readUInt16LE(2);
  if (revision < 1 || revision > 4 || size < HEAD) throw new FormatError(`no access control list: revision ${revision}, ${size} bytes`);
  return size;
}

/** The entries of an ACL ([MS-DTYP] 2.4.5), in their order. @throws FormatError when it contradicts itself */
export function aces(acl: Buffer): readonly Ace[] {
  const size = Math.min(aclSize(acl), acl.length);
  const found: Ace[] = [];
  let at = HEAD;
  for (let left = acl.readUInt16LE(4); left > 0; left -= 1) {
    const length = at + ACE_HEAD > size ? 0 : acl.readUInt16LE(at + 2);
    if (length < ACE_HEAD || at + length > size) throw new FormatError(`${left} entries of an access control list lie past its end`);
    found.push(ace(acl.subarray(at, at + length)));
    at += length;
  }
  return found;
}

function ace(bytes: Buffer): Ace {
  const type = bytes.readUInt8(0);
  const shape = TYPES[type]?.shape ?? 'other';
  let at = ACE_HEAD;
  let present = 0;
  if (shape === 'object' && at + 4 <= bytes.length) {
    present = bytes.readUInt32LE(at);
    at += 4;
  }
  const guid = (bit: number): string | undefined => {
    if ((present & bit) === 0 || at + 16 > bytes.length) return undefined;
    at += 16;
    return guidText(bytes, at - 16).slice(1, -1);
  };
  const objectType = guid(HAS_OBJECT_TYPE);
  const inheritedObjectType = guid(HAS_INHERITED_OBJECT_TYPE);
  // A SID begins with its revision, which is 1.
  const trustee = shape === 'other' || bytes[at] !== 1 || (bytes[at + 1] ?? 0) > 15 ? undefined : sidText(bytes, at);
  return {
    type, flags: bytes.readUInt8(1), mask: bytes.readUInt32LE(4), sid: trustee, objectType, inheritedObjectType,
    rest: bytes.subarray(trustee === undefined ? at : at + sidLength(bytes, at)),
  };
}
