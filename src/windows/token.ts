import { FormatError } from '../bytes/errors.js';
import { privilegeName } from '../bytes/privilege.js';
import { integrityName, MAX_SID, sidLength, sidText } from '../bytes/sid.js';
import { big, number, optional, struct, type RecordOf } from '../profile/struct.js';
import type { Kernel } from './kernel.js';
import { objectManager } from './object.js';
import type { Process } from './process.js';
import { accountName, isWellKnownAccount } from './users.js';

const TOKEN = struct('_TOKEN', {
  id: big('TokenId'),
  logonSession: big('AuthenticationId'),
  present: optional(big('Privileges.Present')),
  enabled: optional(big('Privileges.Enabled')),
  enabledByDefault: optional(big('Privileges.EnabledByDefault')),
  session: number('SessionId'),
  groupCount: number('UserAndGroupCount'),
  groups: big('UserAndGroups'),
  // Since Vista.
  integrityIndex: optional(number('IntegrityLevelIndex')),
});
/** XP and 2003: an array of `_LUID_AND_ATTRIBUTES` in place of the three sets of bits. */
const OLD_TOKEN = struct('_TOKEN', { count: number('PrivilegeCount'), privileges: big('Privileges') });
/** `_LUID_AND_ATTRIBUTES` (ntddk.h), which is the same on 32 and 64 bits and in few symbol tables. */
const LUID_AND_ATTRIBUTES = { size: 12, luid: 0, attributes: 8 } as const;
/** SE_PRIVILEGE_ENABLED_BY_DEFAULT and SE_PRIVILEGE_ENABLED (winnt.h). */
const ENABLED_BY_DEFAULT = 0x1;
const ENABLED = 0x2;
const GROUP = struct('_SID_AND_ATTRIBUTES', { sid: big('Sid'), attributes: number('Attributes') });

/** Far more than a token can hold (about 1,024 groups). */
const MAX_GROUPS = 4096;
/** Bits of `_SEP_TOKEN_PRIVILEGES`; no array of privileges is longer. */
const PRIVILEGE_BITS = 64;

export interface TokenGroup {
  readonly sid: string;
  /** SE_GROUP_* ([MS-DTYP] / winnt.h). */
  readonly attributes: number;
}

export interface TokenPrivilege {
  /** The privilege's LUID, its bit in `_SEP_TOKEN_PRIVILEGES`. */
  readonly luid: number;
  /** `SeDebugPrivilege`. */
  readonly name: string;
  readonly present: boolean;
  readonly enabled: boolean;
  readonly enabledByDefault: boolean;
}

/** A process's primary token. Corresponds to `_TOKEN`. */
export interface Token {
  readonly address: bigint;
  readonly userSid: string;
  /** The account's name: well known, from the registry's ProfileList or volatile environment; undefined when no source says it. */
  readonly user: string | undefined;
  /** A well-known account (SYSTEM, LOCAL SERVICE, DWM-1…), not a person's. */
  readonly wellKnown: boolean;
  /** The user first, as the token keeps them. */
  readonly groups: readonly TokenGroup[];
  /** Those that are present, enabled or enabled by default, ascending by LUID. */
  readonly privileges: readonly TokenPrivilege[];
  /** `S-1-16-…`; undefined when the token has no integrity level. */
  readonly integritySid: string | undefined;
  /** Untrusted, Low, Medium, MediumPlus, High, System, Protected; undefined as above. */
  readonly integrity: string | undefined;
  readonly session: number;
  /** AuthenticationId, the logon session's LUID. */
  readonly luid: bigint;
  /** TokenId, the token's own LUID. */
  readonly tokenId: bigint;
}

/** The primary token of a process; undefined when it has none or it is not in the image. @throws FormatError when it is none */
export function token(process: Process): Token | undefined {
  const address = process.facts.tokenAddress;
  return address === undefined ? undefined : readToken(process.kernel, address, `${process.where} token`);
}

/** A token by its address. @param where the place named in anomalies */
export function readToken(kernel: Kernel, address: bigint, where: string): Token | undefined {
  const type = objectManager(kernel).header(address)?.type?.name;
  if (type !== undefined && type !== 'Token') throw new FormatError(`an object of type ${type} stands for a token`, address);
  const record = kernel.read(TOKEN, address);
  if (record === undefined) return undefined;
  if (record.groupCount > MAX_GROUPS) throw new FormatError(`a token has ${record.groupCount} groups`, address);
  const groups = readGroups(kernel, record.groups, record.groupCount, where);
  const user = groups[0];
  if (user === undefined) return undefined;
  const integritySid = record.integrityIndex === undefined ? undefined : groups[record.integrityIndex]?.sid;
  const integrity = integritySid === undefined ? undefined : integrityName(integritySid);
  return {
    address,
    userSid: user.sid,
    get user() { return accountName(kernel, user.sid); },
    wellKnown: isWellKnownAccount(user.sid),
    groups: groups.filter((group) => group !== undefined),
    privileges: privileges(kernel, record, address, where),
    integritySid: integrity === undefined ? undefined : integritySid,
    integrity,
    session: record.session,
    luid: record.logonSession,
    tokenId: record.id,
  };
}

/** An array of `_SID_AND_ATTRIBUTES` in its order; undefined where one cannot be read, so that indices stay. */
export function readGroups(kernel: Kernel, array: bigint, count: number, where: string): (TokenGroup | undefined)[] {
  const reader = kernel.reader(GROUP);
  const bytes = kernel.memory.read(array, count * reader.size);
  if (bytes === undefined) {
    kernel.anomalies.add(where, 'the groups are not in the image', array);
    return [];
  }
  return Array.from({ length: count }, (_, i) => {
    const at = i * reader.size;
    const group = reader.decode(bytes.subarray(at, at + reader.size), array + BigInt(at));
    if (group === undefined) return undefined;
    const sid = kernel.anomalies.attempt(where, () => readSid(kernel, group.sid));
    return sid === undefined ? undefined : { sid, attributes: group.attributes };
  });
}

/** The SID at an address; undefined when it is not in the image. One may end right before a page that is missing: then it is read in two steps. */
export function readSid(kernel: Kernel, address: bigint): string | undefined {
  const most = kernel.memory.read(address, MAX_SID);
  if (most !== undefined) return sidText(most);
  const first = kernel.memory.read(address, 2);
  const whole = first === undefined ? undefined : kernel.memory.read(address, sidLength(first));
  return whole === undefined ? undefined : sidText(whole);
}

function privileges(kernel: Kernel, { present, enabled, enabledByDefault }: RecordOf<typeof TOKEN>, address: bigint, where: string): readonly TokenPrivilege[] {
  if (present !== undefined && enabled !== undefined && enabledByDefault !== undefined) return privilegeSets(present, enabled, enabledByDefault);
  return kernel.anomalies.attempt(where, () => privilegeArray(kernel, address, where)) ?? [];
}

/** The privileges of XP and 2003, ascending by LUID. */
function privilegeArray(kernel: Kernel, token: bigint, where: string): readonly TokenPrivilege[] {
  const record = kernel.read(OLD_TOKEN, token);
  if (record === undefined || record.count === 0) return [];
  if (record.count > PRIVILEGE_BITS) throw new FormatError(`a token has ${record.count} privileges`, token);
  const { size, luid, attributes } = LUID_AND_ATTRIBUTES;
  const bytes = kernel.memory.read(record.privileges, record.count * size);
  if (bytes === undefined) {
    kernel.anomalies.add(where, 'the privileges are not in the image', record.privileges);
    return [];
  }
  return Array.from({ length: record.count }, (_, i): TokenPrivilege => {
    const number = bytes.readUInt32LE(i * size + luid);
    const bits = bytes.readUInt32LE(i * size + attributes);
    return { luid: number, name: privilegeName(number), present: true, enabled: (bits & ENABLED) !== 0, enabledByDefault: (bits & ENABLED_BY_DEFAULT) !== 0 };
  }).sort((a, b) => a.luid - b.luid);
}

function privilegeSets(presents: bigint, enableds: bigint, defaults: bigint): readonly TokenPrivilege[] {
  const found: TokenPrivilege[] = [];
  for (let luid = 0; luid < PRIVILEGE_BITS; luid += 1) {
    const bit = 1n << BigInt(luid);
    const [present, enabled, enabledByDefault] = [(presents & bit) !== 0n, (enableds & bit) !== 0n, (defaults & bit) !== 0n];
    // What is enabled without being present is a token that somebody has patched.
    if (present || enabled) found.push({ luid, name: privilegeName(luid), present, enabled, enabledByDefault });
  }
  return found;
}
