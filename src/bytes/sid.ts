import { FormatError } from './errors.js';

/** Bytes of a SID before its sub-authorities. */
const FIXED = 8;
/** SID_MAX_SUB_AUTHORITIES (winnt.h). */
const MAX_SUB_AUTHORITIES = 15;
/** The most bytes a SID can have. */
export const MAX_SID = FIXED + 4 * MAX_SUB_AUTHORITIES;

/** How many bytes the SID has whose first two bytes these are. @throws FormatError when they begin no SID */
export function sidLength(bytes: Buffer, at = 0): number {
  const revision = bytes[at];
  const count = bytes[at + 1] ?? 0;
  if (revision !== 1 || count > MAX_SUB_AUTHORITIES) throw new FormatError(`no SID: revision ${revision ?? 0}, ${count} sub-authorities`);
  return FIXED + 4 * count;
}

/** A SID as text, `S-1-5-21-…-1001` ([MS-DTYP] 2.4.2.1 and 2.4.2.2). Undefined when bytes are missing. @throws FormatError */
export function sidText(bytes: Buffer, at = 0): string | undefined {
  if (bytes.length < at + FIXED) return undefined;
  const length = sidLength(bytes, at);
  if (bytes.length < at + length) return undefined;
  const authority = bytes.readUIntBE(at + 2, 6);
  const parts = ['S-1', authority < 2 ** 32 ? String(authority) : `0x${authority.toString(16).padStart(12, '0')}`];
  for (let sub = at + FIXED; sub < at + length; sub += 4) parts.push(String(bytes.readUInt32LE(sub)));
  return parts.join('-');
}

/**
 * Well-known SIDs: [MS-DTYP] 2.4.2.4 and Microsoft's "Security identifiers". The name as Windows shows it, with its domain.
 */
const WELL_KNOWN: ReadonlyMap<string, string> = new Map([
  ['S-1-0-0', 'NULL SID'],
  ['S-1-1-0', 'Everyone'],
  ['S-1-2-0', 'LOCAL'],
  ['S-1-2-1', 'CONSOLE LOGON'],
  ['S-1-3-0', 'CREATOR OWNER'],
  ['S-1-3-1', 'CREATOR GROUP'],
  ['S-1-3-2', 'CREATOR OWNER SERVER'],
  ['S-1-3-3', 'CREATOR GROUP SERVER'],
  ['S-1-3-4', 'OWNER RIGHTS'],
  ['S-1-5-1', 'NT AUTHORITY\\DIALUP'],
  ['S-1-5-2', 'NT AUTHORITY\\NETWORK'],
  ['S-1-5-3', 'NT AUTHORITY\\BATCH'],
  ['S-1-5-4', 'NT AUTHORITY\\INTERACTIVE'],
  ['S-1-5-6', 'NT AUTHORITY\\SERVICE'],
  ['S-1-5-7', 'NT AUTHORITY\\ANONYMOUS LOGON'],
  ['S-1-5-8', 'NT AUTHORITY\\PROXY'],
  ['S-1-5-9', 'NT AUTHORITY\\ENTERPRISE DOMAIN CONTROLLERS'],
  ['S-1-5-10', 'NT AUTHORITY\\SELF'],
  ['S-1-5-11', 'NT AUTHORITY\\Authenticated Users'],
  ['S-1-5-12', 'NT AUTHORITY\\RESTRICTED'],
  ['S-1-5-13', 'NT AUTHORITY\\TERMINAL SERVER USER'],
  ['S-1-5-14', 'NT AUTHORITY\\REMOTE INTERACTIVE LOGON'],
  ['S-1-5-15', 'NT AUTHORITY\\This Organization'],
  ['S-1-5-17', 'NT AUTHORITY\\IUSR'],
  ['S-1-5-18', 'NT AUTHORITY\\SYSTEM'],
  ['S-1-5-19', 'NT AUTHORITY\\LOCAL SERVICE'],
  ['S-1-5-20', 'NT AUTHORITY\\NETWORK SERVICE'],
  ['S-1-5-32-544', 'BUILTIN\\Administrators'],
  ['S-1-5-32-545', 'BUILTIN\\Users'],
  ['S-1-5-32-546', 'BUILTIN\\Guests'],
  ['S-1-5-32-547', 'BUILTIN\\Power Users'],
  ['S-1-5-32-548', 'BUILTIN\\Account Operators'],
  ['S-1-5-32-549', 'BUILTIN\\Server Operators'],
  ['S-1-5-32-550', 'BUILTIN\\Print Operators'],
  ['S-1-5-32-551', 'BUILTIN\\Backup Operators'],
  ['S-1-5-32-552', 'BUILTIN\\Replicator'],
  ['S-1-5-32-554', 'BUILTIN\\Pre-Windows 2000 Compatible Access'],
  ['S-1-5-32-555', 'BUILTIN\\Remote Desktop Users'],
  ['S-1-5-32-556', 'BUILTIN\\Network Configuration Operators'],
  ['S-1-5-32-557', 'BUILTIN\\Incoming Forest Trust Builders'],
  ['S-1-5-32-558', 'BUILTIN\\Performance Monitor Users'],
  ['S-1-5-32-559', 'BUILTIN\\Performance Log Users'],
  ['S-1-5-32-560', 'BUILTIN\\Windows Authorization Access Group'],
  ['S-1-5-32-561', 'BUILTIN\\Terminal Server License Servers'],
  ['S-1-5-32-562', 'BUILTIN\\Distributed COM Users'],
  ['S-1-5-32-568', 'BUILTIN\\IIS_IUSRS'],
  ['S-1-5-32-569', 'BUILTIN\\Cryptographic Operators'],
  ['S-1-5-32-573', 'BUILTIN\\Event Log Readers'],
  ['S-1-5-32-574', 'BUILTIN\\Certificate Service DCOM Access'],
  ['S-1-5-32-575', 'BUILTIN\\RDS Remote Access Servers'],
  ['S-1-5-32-576', 'BUILTIN\\RDS Endpoint Servers'],
  ['S-1-5-32-577', 'BUILTIN\\RDS Management Servers'],
  ['S-1-5-32-578', 'BUILTIN\\Hyper-V Administrators'],
  ['S-1-5-32-579', 'BUILTIN\\Access Control Assistance Operators'],
  ['S-1-5-32-580', 'BUILTIN\\Remote Management Users'],
  ['S-1-5-32-581', 'BUILTIN\\System Managed Accounts Group'],
  ['S-1-5-32-582', 'BUILTIN\\Storage Replica Administrators'],
  ['S-1-5-32-583', 'BUILTIN\\Device Owners'],
  ['S-1-5-33', 'NT AUTHORITY\\WRITE RESTRICTED'],
  ['S-1-5-64-10', 'NT AUTHORITY\\NTLM Authentication'],
  ['S-1-5-64-14', 'NT AUTHORITY\\SChannel Authentication'],
  ['S-1-5-64-21', 'NT AUTHORITY\\Digest Authentication'],
  ['S-1-5-65-1', 'NT AUTHORITY\\This Organization Certificate'],
  ['S-1-5-80', 'NT SERVICE'],
  ['S-1-5-80-0', 'NT SERVICE\\ALL SERVICES'],
  ['S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464', 'NT SERVICE\\TrustedInstaller'],
  ['S-1-5-83-0', 'NT VIRTUAL MACHINE\\Virtual Machines'],
  ['S-1-5-84-0-0-0-0-0', 'NT AUTHORITY\\USER MODE DRIVERS'],
  ['S-1-5-90-0', 'Window Manager\\Window Manager Group'],
  ['S-1-5-96-0', 'Font Driver Host\\Font Driver Hosts'],
  ['S-1-5-113', 'NT AUTHORITY\\Local account'],
  ['S-1-5-114', 'NT AUTHORITY\\Local account and member of Administrators group'],
  ['S-1-5-1000', 'NT AUTHORITY\\Other Organization'],
  ['S-1-15-2-1', 'APPLICATION PACKAGE AUTHORITY\\ALL APPLICATION PACKAGES'],
  ['S-1-15-2-2', 'APPLICATION PACKAGE AUTHORITY\\ALL RESTRICTED APPLICATION PACKAGES'],
  ['S-1-15-3-1', 'APPLICATION PACKAGE AUTHORITY\\Your Internet connection'],
  ['S-1-15-3-2', 'APPLICATION PACKAGE AUTHORITY\\Your Internet connection, including incoming connections from the Internet'],
  ['S-1-15-3-3', 'APPLICATION PACKAGE AUTHORITY\\Your home or work networks'],
  ['S-1-15-3-4', 'APPLICATION PACKAGE AUTHORITY\\Your pictures library'],
  ['S-1-15-3-5', 'APPLICATION PACKAGE AUTHORITY\\Your videos library'],
  ['S-1-15-3-6', 'APPLICATION PACKAGE AUTHORITY\\Your music library'],
  ['S-1-15-3-7', 'APPLICATION PACKAGE AUTHORITY\\Your documents library'],
  ['S-1-15-3-8', 'APPLICATION PACKAGE AUTHORITY\\Your Windows credentials'],
  ['S-1-15-3-9', 'APPLICATION PACKAGE AUTHORITY\\Software and hardware certificates or a smart card'],
  ['S-1-15-3-10', 'APPLICATION PACKAGE AUTHORITY\\Removable storage'],
  ['S-1-15-3-11', 'APPLICATION PACKAGE AUTHORITY\\Your Appointments'],
  ['S-1-15-3-12', 'APPLICATION PACKAGE AUTHORITY\\Your Contacts'],
  ['S-1-16-0', 'Mandatory Label\\Untrusted Mandatory Level'],
  ['S-1-16-4096', 'Mandatory Label\\Low Mandatory Level'],
  ['S-1-16-8192', 'Mandatory Label\\Medium Mandatory Level'],
  ['S-1-16-8448', 'Mandatory Label\\Medium Plus Mandatory Level'],
  ['S-1-16-12288', 'Mandatory Label\\High Mandatory Level'],
  ['S-1-16-16384', 'Mandatory Label\\System Mandatory Level'],
  ['S-1-16-20480', 'Mandatory Label\\Protected Process Mandatory Level'],
  ['S-1-16-28672', 'Mandatory Label\\Secure Process Mandatory Level'],
  ['S-1-18-1', 'Authentication authority asserted identity'],
  ['S-1-18-2', 'Service asserted identity'],
  ['S-1-18-3', 'Fresh public key identity'],
  ['S-1-18-4', 'Key trust identity'],
  ['S-1-18-5', 'MFA key property'],
  ['S-1-18-6', 'Attested key property'],
]);

/** Relative identifiers that mean the same in every domain and on every machine ([MS-DTYP] 2.4.2.4). */
const DOMAIN_RIDS: ReadonlyMap<number, string> = new Map([
  [498, 'Enterprise Read-only Domain Controllers'], [500, 'Administrator'], [501, 'Guest'], [502, 'krbtgt'], [503, 'DefaultAccount'],
  [504, 'WDAGUtilityAccount'], [512, 'Domain Admins'], [513, 'Domain Users'], [514, 'Domain Guests'], [515, 'Domain Computers'],
  [516, 'Domain Controllers'], [517, 'Cert Publishers'], [518, 'Schema Admins'], [519, 'Enterprise Admins'],
  [520, 'Group Policy Creator Owners'], [521, 'Read-only Domain Controllers'], [522, 'Cloneable Domain Controllers'],
  [525, 'Protected Users'], [526, 'Key Admins'], [527, 'Enterprise Key Admins'], [553, 'RAS and IAS Servers'],
  [571, 'Allowed RODC Password Replication Group'], [572, 'Denied RODC Password Replication Group'],
]);

/** Families of SIDs whose name says their last parts. */
const FAMILIES: readonly (readonly [RegExp, (parts: RegExpExecArray) => string])[] = [
  [/^S-1-5-5-(\d+)-(\d+)$/, ([, high, low]) => `NT AUTHORITY\\LogonSessionId_${high}_${low}`],
  [/^S-1-5-90-0-(\d+)$/, ([, session]) => `Window Manager\\DWM-${session}`],
  [/^S-1-5-96-0-(\d+)$/, ([, session]) => `Font Driver Host\\UMFD-${session}`],
];

/** The name of a SID that means the same on every machine: `NT AUTHORITY\SYSTEM`, `Window Manager\DWM-1`; undefined for others. */
export function wellKnownName(sid: string): string | undefined {
  const known = WELL_KNOWN.get(sid);
  if (known !== undefined) return known;
  for (const [pattern, name] of FAMILIES) {
    const parts = pattern.exec(sid) ?? undefined;
    if (parts !== undefined) return name(parts);
  }
  return undefined;
}

/** The role of an account or group of a domain by its relative identifier: `Domain Users`; undefined for a person's. */
export function domainRole(sid: string): string | undefined {
  const parts = /^S-1-5-21-\d+-\d+-\d+-(\d+)$/.exec(sid) ?? undefined;
  return parts === undefined ? undefined : DOMAIN_RIDS.get(Number(parts[1]));
}

/** An account of a machine, a domain or a directory in the cloud: a person's, in contrast to those that Windows itself brings. */
export function isPersonal(sid: string): boolean {
  return sid.startsWith('S-1-5-21-') || sid.startsWith('S-1-12-1-');
}

/** Integrity levels, by the last part of a mandatory label's SID ([MS-DTYP] 2.4.4.14, winnt.h SECURITY_MANDATORY_*). */
const INTEGRITY: readonly (readonly [least: number, name: string])[] = [
  [0x5000, 'Protected'], [0x4000, 'System'], [0x3000, 'High'], [0x2100, 'MediumPlus'], [0x2000, 'Medium'], [0x1000, 'Low'], [0, 'Untrusted'],
];

/** `Medium` for `S-1-16-8192`; undefined for a SID that is no mandatory label. */
export function integrityName(sid: string): string | undefined {
  const parts = /^S-1-16-(\d+)$/.exec(sid) ?? undefined;
  if (parts === undefined) return undefined;
  const level = Number(parts[1]);
  return INTEGRITY.find(([least]) => level >= least)?.[1];
}
