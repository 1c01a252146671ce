import { aces, aclSize, type Ace } from '../bytes/acl.js';
import { ascii } from '../bytes/utf16.js';
import { isFiletime } from '../bytes/filetime.js';
import { big, number, optional, raw, struct, unicode } from '../profile/struct.js';
import type { Kernel } from './kernel.js';
import { readGroups, readSid, type Token, type TokenGroup } from './token.js';

/** What is asked of single tokens. Members that a build lacks are undefined. */
const DETAIL = struct('_TOKEN', {
  source: optional(raw('TokenSource', 16)),
  parentId: optional(big('ParentTokenId')),
  modifiedId: optional(big('ModifiedId')),
  expires: optional(big('ExpirationTime')),
  type: optional(number('TokenType')),
  level: optional(number('ImpersonationLevel')),
  flags: optional(number('TokenFlags')),
  policy: optional(number('MandatoryPolicy')),
  groupCount: optional(number('UserAndGroupCount')),
  ownerIndex: optional(number('DefaultOwnerIndex')),
  primaryGroup: optional(big('PrimaryGroup')),
  restrictedCount: optional(number('RestrictedSidCount')),
  restricted: optional(big('RestrictedSids')),
  dacl: optional(big('DefaultDacl')),
  logonSession: optional(big('LogonSession')),
  originatingLogon: optional(big('OriginatingLogonSession')),
  // Since Windows 8.
  capabilityCount: optional(number('CapabilityCount')),
  capabilities: optional(big('Capabilities')),
  package: optional(big('Package')),
  trustLevel: optional(big('TrustLevelSid')),
});
const LOGON = struct('_SEP_LOGON_SESSION_REFERENCES', {
  id: optional(big('LogonId')), buddy: optional(big('BuddyLogonId')), account: optional(unicode('AccountName')), authority: optional(unicode('AuthorityName')),
});

/** TOKEN_TYPE (winnt.h). */
const TYPES: readonly (string | undefined)[] = [undefined, 'Primary', 'Impersonation'];
/** SECURITY_IMPERSONATION_LEVEL (winnt.h). */
export const LEVELS: readonly string[] = ['Anonymous', 'Identification', 'Impersonation', 'Delegation'];
/** TOKEN_MANDATORY_POLICY_* (winnt.h). */
const POLICIES: readonly string[] = ['no-write-up', 'new-process-min'];
/** TOKEN_* of ntifs.h, by bit, since Vista. */
const FLAGS: readonly string[] = [
  'traverse', 'backup', 'restore', 'write-restricted', 'restricted', 'session-not-referenced', 'sandbox-inert', 'impersonate', 'backup-checked', 'virtualize-allowed',
  'virtualize-enabled', 'filtered', 'ui-access', 'not-low', 'app-container', 'own-claims', 'private-namespace', 'no-global-attributes', 'encrypted-open', 'no-child-process',
  'no-child-process-unless-secure', 'audit-no-child-process', 'redirection-trust',
];
const FILTERED = 1 << 11;
const VISTA = 6000;
const HAS_ADMIN_GROUP = 3;
/** Far more than a token can hold. */
const MAX_SIDS = 4096;
const ACL_HEAD = 8;
/** An account or a domain has fewer. */
const NAME_BYTES = 512;

/** SE_GROUP_* (winnt.h). */
const ATTRIBUTES: readonly (readonly [bits: number, name: string])[] = [
  [0x1, 'mandatory'], [0x2, 'enabled-by-default'], [0x4, 'enabled'], [0x8, 'owner'], [0x10, 'deny-only'], [0x20, 'integrity'], [0x40, 'integrity-enabled'],
  [0x2000_0000, 'resource'], [0xc000_0000, 'logon-id'],
];

/** The attributes of a group, by name with commas. */
export function attributeNames(attributes: number): string {
  return ATTRIBUTES.filter(([bits]) => ((attributes & bits) >>> 0) === bits).map(([, name]) => name).join(',');
}

/** What is known of one token beyond `Token`. Undefined: the build or the image does not say it. */
export interface TokenDetail {
  readonly type: string | undefined;
  /** Of an impersonation token: Anonymous, Identification, Impersonation, Delegation. */
  readonly impersonationLevel: string | undefined;
  /** Who made it: `User32`, `Advapi`. */
  readonly source: string | undefined;
  readonly sourceId: bigint | undefined;
  /** Full or Limited where the logon has a second token, Default where it has none: what UAC left. */
  readonly elevation: 'Default' | 'Full' | 'Limited' | undefined;
  readonly flags: readonly string[];
  readonly mandatoryPolicy: readonly string[];
  readonly parentId: bigint | undefined;
  readonly modifiedId: bigint | undefined;
  /** FILETIME; undefined when it never expires. */
  readonly expires: bigint | undefined;
  readonly owner: string | undefined;
  readonly primaryGroup: string | undefined;
  /** Empty when it is not restricted. */
  readonly restricted: readonly TokenGroup[];
  /** Capabilities of an app container. */
  readonly capabilities: readonly TokenGroup[];
  readonly appContainer: string | undefined;
  /** `S-1-19-…` of protected processes. */
  readonly trustLevel: string | undefined;
  readonly originatingLogon: bigint | undefined;
  /** Account and domain as they logged on. */
  readonly account: string | undefined;
  readonly authority: string | undefined;
  readonly linkedLogon: bigint | undefined;
  /** What its objects are protected by when nothing else is said; undefined when it has none. */
  readonly defaultDacl: readonly Ace[] | undefined;
}

/** Reads what is asked of a single token; undefined when it is not in the image. @param where the place named in anomalies */
export function tokenDetail(kernel: Kernel, token: Token, where: string): TokenDetail | undefined {
  const record = kernel.read(DETAIL, token.address);
  if (record === undefined) return undefined;
  const { anomalies } = kernel;
  const sid = (address: bigint | undefined): string | undefined =>
    address === undefined || !kernel.isKernelAddress(address) ? undefined : anomalies.attempt(where, () => readSid(kernel, address));
  const sids = (what: string, count: number | undefined, array: bigint | undefined): readonly TokenGroup[] => {
    if (count === undefined || count === 0 || array === undefined || !kernel.isKernelAddress(array)) return [];
    if (count > MAX_SIDS) anomalies.add(where, `a token has ${count} ${what}`, token.address);
    return readGroups(kernel, array, Math.min(count, MAX_SIDS), where).filter((group) => group !== undefined);
  };
  const { source, type, level, flags = 0, policy = 0, expires = 0n, groupCount, ownerIndex, logonSession, originatingLogon, parentId, modifiedId } = record;
  const logon = logonSession === undefined || !kernel.isKernelAddress(logonSession) || kernel.profile.sizeOf(LOGON.name) === undefined ? undefined : kernel.read(LOGON, logonSession);
  const bounded = (text: { readonly length: number; readonly maximumLength: number; readonly buffer: bigint } | undefined): string | undefined =>
    (text === undefined || text.length > NAME_BYTES || text.length === 0 ? undefined : kernel.text(text));
  const typeName = type === undefined ? undefined : TYPES[type];
  return {
    type: typeName,
    impersonationLevel: typeName === 'Impersonation' && level !== undefined ? LEVELS[level] : undefined,
    source: source && ascii(source.subarray(0, 8)).trimEnd(), sourceId: source?.readBigUInt64LE(8),
    // The kernel says it so too: a token of a logon with a second one is the filtered one, or the one that was kept whole.
    elevation: logon?.buddy === undefined ? undefined : logon.buddy === 0n ? 'Default' : (flags & FILTERED) !== 0 ? 'Limited' : 'Full',
    flags: named(FLAGS, flags).map((name) => (name === FLAGS[HAS_ADMIN_GROUP] && kernel.profile.build < VISTA ? 'admin-group' : name)),
    mandatoryPolicy: named(POLICIES, policy),
    parentId: parentId === 0n ? undefined : parentId, modifiedId,
    expires: isFiletime(expires) ? expires : undefined,
    // An index counts those too that cannot be read.
    owner: ownerIndex === undefined || token.groups.length !== groupCount ? undefined : token.groups[ownerIndex]?.sid,
    primaryGroup: sid(record.primaryGroup),
    restricted: sids('restricted SIDs', record.restrictedCount, record.restricted),
    capabilities: sids('capabilities', record.capabilityCount, record.capabilities),
    appContainer: sid(record.package), trustLevel: sid(record.trustLevel),
    originatingLogon: originatingLogon === 0n ? undefined : originatingLogon,
    account: bounded(logon?.account), authority: bounded(logon?.authority),
    linkedLogon: logon?.buddy === 0n ? undefined : logon?.buddy,
    defaultDacl: record.dacl === undefined || !kernel.isKernelAddress(record.dacl) ? undefined : anomalies.attempt(where, () => readAcl(kernel, record.dacl ?? 0n)),
  };
}

function named(names: readonly string[], bits: number): string[] {
  return names.filter((_, bit) => (bits >>> bit & 1) === 1);
}

function readAcl(kernel: Kernel, address: bigint): readonly Ace[] | undefined {
  const head = kernel.memory.read(address, ACL_HEAD);
  const whole = head === undefined ? undefined : kernel.memory.read(address, aclSize(head));
  return whole && aces(whole);
}
