import { FormatError } from '../bytes/errors.js';
import { utf16 } from '../bytes/utf16.js';
import { filetimeAt } from './key-values.js';

/** The fixed part of an account, the value F of its key. */
export interface AccountFacts {
  readonly rid: number;
  readonly primaryGroup: number;
  readonly flags: number;
  readonly lastLogon: bigint | undefined;
  readonly passwordSet: bigint | undefined;
  readonly expires: bigint | undefined;
  readonly lastBadPassword: bigint | undefined;
  readonly badPasswords: number;
  readonly logons: number;
}

/** Parts of an account whose length varies, the value V. Of passwords only that there is one is told. */
export interface AccountTexts {
  readonly name: string;
  readonly fullName: string;
  readonly comment: string;
  readonly userComment: string;
  readonly home: string;
  readonly homeDrive: string;
  readonly script: string;
  readonly profile: string;
  readonly workstations: string;
  readonly hasLmHash: boolean;
  readonly hasNtHash: boolean;
}

/** The bits of USER_ACCOUNT in F ([MS-SAMR] 2.2.1.12), lowest first. */
const FLAGS = [
  'disabled', 'home directory required', 'no password required', 'temporary duplicate', 'normal', 'MNS log-on', 'interdomain trust', 'workstation trust',
  'server trust', 'password never expires', 'locked', 'reversible password', 'smart card required', 'trusted for delegation', 'not delegated',
  'DES keys only', 'no pre-authentication', 'password expired',
] as const;

const F_SIZE = 0x48;
/** V begins with a table of so many parts, each offset, length and a number; offsets count from its end. */
const V_PARTS = 17;
const V_TABLE = V_PARTS * 12;
/** A hash in RC4 form, or in AES form with more than its header (SAM of Windows 10 1607 and later). */
const RC4_HASH = 0x14;
const AES_HEADER = 0x18;

export function accountFlags(flags: number): string {
  return FLAGS.filter((_, bit) => (flags & (1 << bit)) !== 0).join(', ');
}

/** Reads F. @throws FormatError when it is too short */
export function accountFacts(bytes: Buffer): AccountFacts {
  if (bytes.length < F_SIZE) throw new FormatError('the fixed part of an account is too short');
  return {
    lastLogon: filetimeAt(bytes, 8),
    passwordSet: filetimeAt(bytes, 0x18),
    expires: filetimeAt(bytes, 0x20),
    lastBadPassword: filetimeAt(bytes, 0x28),
    rid: bytes.readUInt32LE(0x30),
    primaryGroup: bytes.readUInt32LE(0x34),
    flags: bytes.readUInt32LE(0x38),
    badPasswords: bytes.readUInt16LE(0x40),
    logons: bytes.readUInt16LE(0x42),
  };
}

/** Reads V. @throws FormatError when a part lies outside of it */
export function accountTexts(bytes: Buffer): AccountTexts {
  if (bytes.length < V_TABLE) throw new FormatError('the table of an account\'s parts is too short');
  const text = (index: number): string => utf16(part(bytes, index));
  return {
    name: text(1), fullName: text(2), comment: text(3), userComment: text(4), home: text(6), homeDrive: text(7), script: text(8), profile: text(9),
    workstations: text(10), hasLmHash: hasHash(bytes, 13), hasNtHash: hasHash(bytes, 14),
  };
}

function part(bytes: Buffer, index: number): Buffer {
  const [offset, length] = [bytes.readUInt32LE(index * 12), bytes.readUInt32LE(index * 12 + 4)];
  if (V_TABLE + offset + length > bytes.length) throw new FormatError(`part ${index} of an account lies outside of it`);
  return bytes.subarray(V_TABLE + offset, V_TABLE + offset + length);
}

function hasHash(bytes: Buffer, index: number): boolean {
  const length = bytes.readUInt32LE(index * 12 + 4);
  return length === RC4_HASH || length > AES_HEADER;
}

/** A local group or alias, the value C of its key. */
export interface GroupFacts {
  readonly name: string;
  readonly comment: string;
  /** SIDs of an alias, RIDs of a group, as they lie one behind another. */
  readonly members: Buffer;
  readonly count: number;
}

const ALIAS_HEADER = 0x34;
/** Where the table of an alias and that of a group begin: security, name, comment, members. */
const ALIAS_TABLE = 4;
const GROUP_TABLE = 0x14;
const GROUP_HEADER = 0x44;

/** Reads C of an alias (its members are SIDs) or of a group (RIDs). @throws FormatError when a part lies outside of it */
export function groupFacts(bytes: Buffer, kind: 'alias' | 'group'): GroupFacts {
  const table = kind === 'alias' ? ALIAS_TABLE : GROUP_TABLE;
  const header = kind === 'alias' ? ALIAS_HEADER : GROUP_HEADER;
  if (bytes.length < header) throw new FormatError('a group is too short');
  const piece = (index: number): Buffer => {
    const [offset, length] = [bytes.readUInt32LE(table + index * 12), bytes.readUInt32LE(table + index * 12 + 4)];
    if (header + offset + length > bytes.length) throw new FormatError(`part ${index} of a group lies outside of it`);
    return bytes.subarray(header + offset, header + offset + length);
  };
  return { name: utf16(piece(1)), comment: utf16(piece(2)), members: piece(3), count: bytes.readUInt32LE(table + 44) };
}
