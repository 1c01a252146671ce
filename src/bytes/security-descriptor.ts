import { MANDATORY_LABEL, aceTypeLetters, aces, aclSize, type Ace } from './acl.js';
import { FormatError } from './errors.js';
import { sidText } from './sid.js';

/** A self-relative SECURITY_DESCRIPTOR ([MS-DTYP] 2.4.6). A list is undefined when it is not present, and `'null'` when it is a null one, which grants everything. */
export interface SecurityDescriptor {
  readonly control: number;
  readonly owner: string | undefined;
  readonly group: string | undefined;
  readonly dacl: readonly Ace[] | 'null' | undefined;
  readonly sacl: readonly Ace[] | 'null' | undefined;
}

/** Bytes of a descriptor before its parts, and where it keeps their offsets. */
export const DESCRIPTOR_HEAD = { size: 0x14, owner: 4, group: 8, sacl: 0x0c, dacl: 0x10 } as const;
const SELF_RELATIVE = 0x8000;
/** Control bits with their letters in SDDL ([MS-DTYP] 2.5.1.1). */
const DACL: ListControl = { letter: 'D', present: 0x4, flags: [[0x1000, 'P'], [0x100, 'AR'], [0x400, 'AI']] };
const SACL: ListControl = { letter: 'S', present: 0x10, flags: [[0x2000, 'P'], [0x200, 'AR'], [0x800, 'AI']] };
const ACL_HEAD = 8;

interface ListControl {
  readonly letter: string;
  readonly present: number;
  readonly flags: Bits;
}

type Bits = readonly (readonly [number, string])[];

const ACE_FLAGS: Bits = [[1, 'OI'], [2, 'CI'], [4, 'NP'], [8, 'IO'], [0x10, 'ID'], [0x40, 'SA'], [0x80, 'FA']];
const RIGHTS: Bits = [
  [0x1, 'CC'], [0x2, 'DC'], [0x4, 'LC'], [0x8, 'SW'], [0x10, 'RP'], [0x20, 'WP'], [0x40, 'DT'], [0x80, 'LO'], [0x100, 'CR'],
  [0x1_0000, 'SD'], [0x2_0000, 'RC'], [0x4_0000, 'WD'], [0x8_0000, 'WO'],
  [0x1000_0000, 'GA'], [0x2000_0000, 'GX'], [0x4000_0000, 'GW'], [0x8000_0000, 'GR'],
];
const LABEL_RIGHTS: Bits = [[1, 'NW'], [2, 'NR'], [4, 'NX']];
/** Whole masks of registry keys. KX is the same mask as KR. */
const KEY_RIGHTS: Readonly<Record<number, string>> = { 0xf003f: 'KA', 0x2_0019: 'KR', 0x2_0006: 'KW' };

/** The aliases of SIDs that are the same on every machine ([MS-DTYP] 2.5.1.1). Those of a domain are left as SIDs, which say which domain. */
const ALIASES: Readonly<Record<string, string>> = {
  'S-1-1-0': 'WD', 'S-1-3-0': 'CO', 'S-1-3-1': 'CG', 'S-1-3-4': 'OW', 'S-1-5-2': 'NU', 'S-1-5-4': 'IU', 'S-1-5-6': 'SU', 'S-1-5-7': 'AN',
  'S-1-5-9': 'ED', 'S-1-5-10': 'PS', 'S-1-5-11': 'AU', 'S-1-5-12': 'RC', 'S-1-5-18': 'SY', 'S-1-5-19': 'LS', 'S-1-5-20': 'NS', 'S-1-5-33': 'WR',
  'S-1-5-32-544': 'BA', 'S-1-5-32-545': 'BU', 'S-1-5-32-546': 'BG', 'S-1-5-32-547': 'PU', 'S-1-5-32-548': 'AO', 'S-1-5-32-549': 'SO',
  'S-1-5-32-550': 'PO', 'S-1-5-32-551': 'BO', 'S-1-5-32-552': 'RE', 'S-1-5-32-554': 'RU', 'S-1-5-32-555': 'RD', 'S-1-5-32-556': 'NO',
  'S-1-5-32-558': 'MU', 'S-1-5-32-559': 'LU', 'S-1-5-32-568': 'IS', 'S-1-5-32-569': 'CY', 'S-1-5-32-573': 'ER', 'S-1-5-32-574': 'CD',
  'S-1-5-32-578': 'HA', 'S-1-5-32-579': 'AA', 'S-1-5-32-580': 'RM', 'S-1-15-2-1': 'AC',
  'S-1-16-4096': 'LW', 'S-1-16-8192': 'ME', 'S-1-16-8448': 'MP', 'S-1-16-12288': 'HI', 'S-1-16-16384': 'SI',
};

/** Reads a self-relative security descriptor. @throws FormatError when it is none, or its parts do not lie within it */
export function securityDescriptor(bytes: Buffer): SecurityDescriptor {
  const { size, owner, group, dacl, sacl } = DESCRIPTOR_HEAD;
  if (bytes.length < size || bytes[0] !== 1 || (bytes.readUInt16LE(2) & SELF_RELATIVE) === 0) throw new FormatError('no self-relative security descriptor');
  const control = bytes.readUInt16LE(2);
  return {
    control,
    owner: sidAt(bytes, bytes.readUInt32LE(owner)),
    group: sidAt(bytes, bytes.readUInt32LE(group)),
    sacl: (control & SACL.present) === 0 ? undefined : aclAt(bytes, bytes.readUInt32LE(sacl)),
    dacl: (control & DACL.present) === 0 ? undefined : aclAt(bytes, bytes.readUInt32LE(dacl)),
  };
}

/**
 * A descriptor as SDDL ([MS-DTYP] 2.5.1). Conditions stay hex.
 * @param form `key`: aliases of SIDs and the rights of registry keys by their letters; `plain`: SIDs in full and rights in hex, as for
 *   objects whose rights have no letters
 */
export function sddl({ control, owner, group, dacl, sacl }: SecurityDescriptor, form: 'key' | 'plain'): string {
  const sid = form === 'key' ? sidAlias : (text: string): string => text;
  const rights = form === 'key' ? keyRights : (mask: number): string => `0x${mask.toString(16)}`;
  const entry = ({ type, flags, mask, sid: trustee, objectType, inheritedObjectType, rest }: Ace): string => {
    // A SID is padded to four bytes; a condition begins with "artx" and is never four zeros.
    const extra = rest.every((byte) => byte === 0) ? '' : `;(0x${rest.toString('hex')})`;
    return `(${aceTypeLetters(type)};${bitsText(ACE_FLAGS, flags)};${rights(mask, type)};${objectType ?? ''};${inheritedObjectType ?? ''};`
      + `${trustee === undefined ? '' : sid(trustee)}${extra})`;
  };
  const list = (entries: SecurityDescriptor['dacl'], { letter, flags }: ListControl): string => (entries === undefined ? ''
    : `${letter}:${bitsText(flags, control)}${entries === 'null' ? 'NO_ACCESS_CONTROL' : entries.map(entry).join('')}`);
  return (owner === undefined ? '' : `O:${sid(owner)}`) + (group === undefined ? '' : `G:${sid(group)}`) + list(dacl, DACL) + list(sacl, SACL);
}

function sidAt(bytes: Buffer, at: number): string | undefined {
  if (at === 0) return undefined;
  const sid = at < bytes.length ? sidText(bytes, at) : undefined;
  if (sid === undefined) throw new FormatError('a SID of a security descriptor makes no sense', at);
  return sid;
}

function aclAt(bytes: Buffer, at: number): readonly Ace[] | 'null' {
  if (at === 0) return 'null';
  if (at + ACL_HEAD > bytes.length) throw new FormatError('an access control list lies outside of its descriptor', at);
  const list = bytes.subarray(at);
  if (aclSize(list) > list.length) throw new FormatError('an access control list is longer than its descriptor', at);
  return aces(list);
}

function sidAlias(sid: string): string {
  return Object.hasOwn(ALIASES, sid) ? ALIASES[sid] as string : sid;
}

function keyRights(mask: number, type: number): string {
  const whole = type === MANDATORY_LABEL ? undefined : KEY_RIGHTS[mask];
  if (whole !== undefined) return whole;
  const rights = type === MANDATORY_LABEL ? LABEL_RIGHTS : RIGHTS;
  const known = rights.reduce((all, [bit]) => (all | bit) >>> 0, 0);
  return mask === 0 || (mask & ~known) !== 0 ? `0x${mask.toString(16)}` : bitsText(rights, mask);
}

function bitsText(bits: Bits, number: number): string {
  return bits.filter(([bit]) => (number & bit) !== 0).map(([, text]) => text).join('');
}
