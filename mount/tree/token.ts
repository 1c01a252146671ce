import { hex } from '../../src/bytes/hex.js';
import type { Table } from '../../src/vfs/column.js';
import { directory } from '../../src/vfs/directory.js';
import type { Directory } from '../../src/vfs/node.js';
import { tableFile } from '../../src/vfs/table.js';
import { text } from '../../src/vfs/text.js';
import { addressXattr } from '../../src/vfs/xattr.js';
import type { Process } from '../../src/windows/process.js';
import type { Token, TokenPrivilege } from '../../src/windows/token.js';
import { displayName } from '../../src/windows/users.js';

/** A SID of a token with what it is called. */
export interface GroupRow {
  readonly sid: string;
  /** Undefined when no source says it. */
  readonly name: string | undefined;
  readonly attributes: number;
}

/** The user and the groups of a token, the user first. */
export const groupsTable: Table<GroupRow> = {
  name: 'sid-all',
  doc: 'The user and the groups of a process\'s token, the user first.',
  heading: '   # Display Name                                                     SID',
  index: 4,
  columns: [
    {
      name: 'display_name', csv: 'DisplayName', kind: 'text', value: ({ name }) => name,
      text: { width: 64, align: 'left', show: ({ name }) => name ?? '---' }, doc: 'What it is called; --- when no source says it.',
    },
    { name: 'sid', csv: 'SID', kind: 'text', value: ({ sid }) => sid, text: { width: 48, align: 'left' }, doc: 'Security identifier.' },
    { name: 'attributes', csv: 'Attributes', kind: 'hex', value: ({ attributes }) => attributes, doc: 'SE_GROUP_* bits.' },
  ],
};

function flags({ enabled, present, enabledByDefault }: TokenPrivilege): string {
  return `${enabled ? 'e' : '-'}${present ? 'p' : '-'}${enabledByDefault ? 'd' : '-'}`;
}

/** The privileges of a token. */
export const privilegesTable: Table<TokenPrivilege> = {
  name: 'privileges',
  doc: 'The privileges of a process\'s token: e enabled, p present, d enabled by default.',
  heading: '   # Flags Privilege Name',
  columns: [
    { name: 'luid', csv: 'LUID', kind: 'hex', value: ({ luid }) => luid, text: { width: 4, align: 'left', show: ({ luid }) => hex(luid, 4) }, doc: 'The privilege\'s number.' },
    {
      name: 'enabled', csv: 'Enabled', kind: 'flag', value: ({ enabled }) => enabled, doc: 'In force; in the text, the flags e, p and d.',
      text: { width: 3, align: 'left', lead: '  ', show: flags },
    },
    { name: 'present', csv: 'Present', kind: 'flag', value: ({ present }) => present, doc: 'The token has it, so that it can be enabled.' },
    { name: 'enabled_by_default', csv: 'EnabledByDefault', kind: 'flag', value: ({ enabledByDefault }) => enabledByDefault, doc: 'Enabled when the token was made.' },
    { name: 'name', csv: 'Name', kind: 'text', value: ({ name }) => name, text: { width: 42, align: 'left', lead: '  ' }, doc: 'The privilege.' },
  ],
};

/** The rows of `sid-all.txt`. */
export function groupRows(process: Process): readonly GroupRow[] {
  return (process.token()?.groups ?? []).map(({ sid, attributes }) => ({ sid, attributes, name: displayName(process.kernel, sid) }));
}

/** `token/` of a process; empty when it has no token that can be read. */
export function tokenDirectory(process: Process): Directory {
  const file = (show: (token: Token) => string | undefined, doc: string) => () => {
    const token = process.token();
    const shown = token === undefined ? undefined : show(token);
    return shown === undefined ? undefined : text(() => shown, { doc });
  };
  const table = <R>(declared: Table<R>, rows: () => readonly R[]) => () => (process.token() === undefined ? undefined : tableFile(declared, rows));
  return directory({
    'integrity.txt': file(({ integrity }) => integrity, 'integrity level'),
    'luid.txt': file(({ tokenId }) => hex(tokenId, 16), 'ID of the token (LUID), hex'),
    'privileges.txt': table(privilegesTable, () => process.token()?.privileges ?? []),
    'session.txt': file(({ session }) => hex(session, 8), 'session ID, hex'),
    'sid-all.txt': table(groupsTable, () => groupRows(process)),
    'sid.txt': file(({ userSid }) => userSid, 'SID of the user'),
    'user.txt': file(({ user }) => user ?? '---', 'name of the user'),
  }, { doc: 'whom it acts for, and what it may do', xattrs: () => addressXattr(process.facts.tokenAddress) });
}
