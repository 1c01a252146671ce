import { FormatError } from '../bytes/errors.js';

/** What Windows audits of a sub-category. */
export interface AuditSetting {
  readonly category: string;
  readonly subcategory: string;
  readonly setting: string;
}

/**
 * The sub-categories by category, in the order in which PolAdtEv keeps them: that of the message numbers in event 4719 (msobjs.dll). Each
 * Windows knows a beginning of each list.
 */
const CATEGORIES: readonly (readonly [string, readonly string[]])[] = [
  ['System', ['Security State Change', 'Security System Extension', 'System Integrity', 'IPsec Driver', 'Other System Events']],
  ['Logon/Logoff', ['Logon', 'Logoff', 'Account Lockout', 'IPsec Main Mode', 'Special Logon', 'IPsec Quick Mode', 'IPsec Extended Mode',
    'Other Logon/Logoff Events', 'Network Policy Server', 'User / Device Claims', 'Group Membership', 'Access Rights']],
  ['Object Access', ['File System', 'Registry', 'Kernel Object', 'SAM', 'Other Object Access Events', 'Certification Services', 'Application Generated',
    'Handle Manipulation', 'File Share', 'Filtering Platform Packet Drop', 'Filtering Platform Connection', 'Detailed File Share', 'Removable Storage',
    'Central Policy Staging']],
  ['Privilege Use', ['Sensitive Privilege Use', 'Non Sensitive Privilege Use', 'Other Privilege Use Events']],
  ['Detailed Tracking', ['Process Creation', 'Process Termination', 'DPAPI Activity', 'RPC Events', 'Plug and Play Events', 'Token Right Adjusted Events']],
  ['Policy Change', ['Audit Policy Change', 'Authentication Policy Change', 'Authorization Policy Change', 'MPSSVC Rule-Level Policy Change',
    'Filtering Platform Policy Change', 'Other Policy Change Events']],
  ['Account Management', ['User Account Management', 'Computer Account Management', 'Security Group Management', 'Distribution Group Management',
    'Application Group Management', 'Other Account Management Events']],
  ['DS Access', ['Directory Service Access', 'Directory Service Changes', 'Directory Service Replication', 'Detailed Directory Service Replication']],
  ['Account Logon', ['Credential Validation', 'Kerberos Service Ticket Operations', 'Other Account Logon Events', 'Kerberos Authentication Service']],
];
const SETTINGS = ['none', 'success', 'failure', 'success and failure'];
const HEADER = 12;
const MOST = 256;

/**
 * The audit policy in PolAdtEv of Windows Vista and later: a header of 12 bytes (the number of categories at 4, where their counts are at 8,
 * from its end), a word a sub-category, and a word a category: how many sub-categories it has.
 * @throws FormatError when the counts do not fit the words
 */
export function auditPolicy(bytes: Buffer): readonly AuditSetting[] {
  if (bytes.length < HEADER) throw new FormatError('the audit policy is too short');
  const categories = bytes.readUInt16LE(4);
  const counts = bytes.readUInt32LE(8);
  if (categories > MOST || counts + categories * 2 > bytes.length || counts < HEADER) throw new FormatError('the audit policy\'s counts lie outside of it');
  const settings: AuditSetting[] = [];
  let at = HEADER;
  for (let i = 0; i < categories; i += 1) {
    const [category, names] = CATEGORIES[i] ?? [`category ${i}`, []];
    const count = bytes.readUInt16LE(counts + i * 2);
    if (at + count * 2 > counts) throw new FormatError('the audit policy counts more sub-categories than it has');
    for (let n = 0; n < count; n += 1, at += 2) {
      const setting = bytes.readUInt16LE(at);
      settings.push({ category, subcategory: names[n] ?? `sub-category ${n}`, setting: SETTINGS[setting] ?? String(setting) });
    }
  }
  return settings;
}
