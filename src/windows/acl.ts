import { FormatError } from '../bytes/errors.js';
import { sidText } from './sid.js';

/** An entry of an access control list ([MS-DTYP] 2.4.4). */
export interface Ace {
  /** `ACCESS_ALLOWED`; the number in hex where it is none that is known. */
  readonly type: string;
  /** `INHERITED_ACE` and the like, as bits. */
  readonly flags: number;
  readonly mask: number;
  /** Undefined for entries of other shapes. */
  readonly sid: string | undefined;
}

/** ACE_TYPE of [MS-DTYP] 2.4.4.1 and winnt.h; whether a SID follows the mask. */
const TYPES: ReadonlyMap<number, readonly [name: string, sidAfterMask: boolean]> = new Map([
  [0, ['ACCESS_ALLOWED', true]], [1, ['ACCESS_DENIED', true]], [2, ['SYSTEM_AUDIT', true]], [3, ['SYSTEM_ALARM', true]],
  [4, ['ACCESS_ALLOWED_COMPOUND', false]], [5, ['ACCESS_ALLOWED_OBJECT', false]], [6, ['ACCESS_DENIED_OBJECT', false]], [7, ['SYSTEM_AUDIT_OBJECT', false]],
  [9, ['ACCESS_ALLOWED_CALLBACK', true]], [10, ['ACCESS_DENIED_CALLBACK', true]], [11, ['ACCESS_ALLOWED_CALLBACK_OBJECT', false]], [12, ['ACCESS_DENIED_CALLBACK_OBJECT', false]],
  [13, ['SYSTEM_AUDIT_CALLBACK', true]], [17, ['SYSTEM_MANDATORY_LABEL', true]], [18, ['SYSTEM_RESOURCE_ATTRIBUTE', true]],
  [19, ['SYSTEM_SCOPED_POLICY_ID', true]], [20, ['SYSTEM_PROCESS_TRUST_LABEL', true]],
]);

const HEAD = 8;
const ACE_HEAD = 8;

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
    const type = acl[at]!;
    const [name, hasSid] = TYPES.get(type) ?? [`0x${type.toString(16)}`, false];
    found.push({ type: name, flags: acl[at + 1]!, mask: acl.readUInt32LE(at + 4), sid: hasSid ? sidText(acl.subarray(at + ACE_HEAD, at + length)) : undefined });
    at += length;
  }
  return found;
}
