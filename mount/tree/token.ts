import { textTime } from '../../src/bytes/filetime.js';
import { hex } from '../../src/bytes/hex.js';
import type { Table } from '../../src/vfs/column.js';
import { directory } from '../../src/vfs/directory.js';
import type { Directory } from '../../src/vfs/node.js';
import { tableFile } from '../../src/vfs/table.js';
import { text } from '../../src/vfs/text.js';
import { addressXattr } from '../../src/vfs/xattr.js';
import type { Kernel } from '../../src/windows/kernel.js';
import type { Process } from '../../src/windows/process.js';
import { tokenDetail, type TokenDetail } from '../../src/windows/token-detail.js';
import type { Token, TokenGroup } from '../../src/windows/token.js';
import { displayName } from '../../src/windows/users.js';
import { capabilitiesTable, daclTable, groupAttributesTable, groupsTable, privilegesTable, restrictedTable, type GroupRow } from './token-tables.js';

/** SIDs with their names. */
function groupRows(kernel: Kernel, groups: readonly TokenGroup[]): readonly GroupRow[] {
  return groups.map(({ sid, attributes }) => ({ sid, attributes, name: displayName(kernel, sid) }));
}

/** `info.txt`: a line for each thing that is known. */
function infoText(kernel: Kernel, token: Token, detail: TokenDetail): string {
  const named = (sid: string | undefined): string | undefined => {
    const name = sid === undefined ? undefined : displayName(kernel, sid);
    return name === undefined ? sid : `${sid} ${name}`;
  };
  const luid = (value: bigint | undefined): string | undefined => value === undefined ? undefined : hex(value, 16);
  const lines: readonly (readonly [key: string, value: string | undefined])[] = [
    ['Token', hex(token.address)],
    ['Type', detail.type],
    ['ImpersonationLevel', detail.impersonationLevel],
    ['User', named(token.userSid)],
    ['Integrity', named(token.integritySid)],
    ['Elevation', detail.elevation],
    ['Session', String(token.session)],
    ['TokenId', luid(token.tokenId)],
    ['ParentTokenId', luid(detail.parentId)],
    ['ModifiedId', luid(detail.modifiedId)],
    ['LogonId', luid(token.luid)],
    ['LogonAccount', detail.account],
    ['LogonAuthority', detail.authority],
    ['LinkedLogonId', luid(detail.linkedLogon)],
    ['OriginatingLogonId', luid(detail.originatingLogon)],
    ['Source', detail.source],
    ['SourceId', luid(detail.sourceId)],
    ['Owner', named(detail.owner)],
    ['PrimaryGroup', named(detail.primaryGroup)],
    ['AppContainer', named(detail.appContainer)],
    ['TrustLevel', named(detail.trustLevel)],
    ['MandatoryPolicy', detail.mandatoryPolicy.join(',')],
    ['Flags', detail.flags.join(',')],
    ['Expires', detail.expires === undefined ? undefined : textTime(detail.expires)],
  ];
  return lines.map(([key, value]) => (value === undefined || value === '' ? '' : `${`${key}:`.padEnd(20)} ${value}\n`)).join('');
}

/** `token/` of a process; empty when it has no token that can be read. */
export function tokenDirectory(process: Process): Directory {
  return tokenFiles(process.kernel, () => process.token(), process.facts.tokenAddress, `${process.where} token`, 'whom it acts for, and what it may do');
}

/**
 * The files of a token; none when it cannot be read.
 * @param where the place named in anomalies
 */
export function tokenFiles(kernel: Kernel, read: () => Token | undefined, address: bigint | undefined, where: string, doc: string): Directory {
  let detail: { readonly known: TokenDetail | undefined } | undefined;
  const detailed = (token: Token): TokenDetail | undefined => (detail ??= { known: kernel.anomalies.attempt(where, () => tokenDetail(kernel, token, where)) }).known;
  const file = (show: (token: Token) => string | undefined, about: string) => () => {
    const token = read();
    const shown = token === undefined ? undefined : show(token);
    return shown === undefined ? undefined : text(() => shown, { doc: about });
  };
  const table = <R>(declared: Table<R>, rows: (token: Token) => readonly R[]) => () => (read() === undefined ? undefined : tableFile(declared, () => {
    const token = read();
    return token === undefined ? [] : rows(token);
  }));
  /** A table that is there only when it has rows. */
  const some = <R>(declared: Table<R>, rows: (detail: TokenDetail) => readonly R[]) => () => {
    const token = read();
    const known = token === undefined ? undefined : detailed(token);
    const found = known === undefined ? [] : rows(known);
    return found.length === 0 ? undefined : tableFile(declared, () => found);
  };
  return directory({
    'capabilities.txt': some(capabilitiesTable, ({ capabilities }) => groupRows(kernel, capabilities)),
    'dacl.txt': some(daclTable, ({ defaultDacl }) => (defaultDacl ?? []).map((ace) => ({ ace, name: ace.sid === undefined ? undefined : displayName(kernel, ace.sid) }))),
    'groups.txt': table(groupAttributesTable, ({ groups }) => groupRows(kernel, groups)),
    'info.txt': file((token) => {
      const known = detailed(token);
      return known && infoText(kernel, token, known);
    }, 'type, impersonation level, logon, source, elevation, owner, flags: a line for each that is known'),
    'integrity.txt': file(({ integrity }) => integrity, 'integrity level'),
    'luid.txt': file(({ tokenId }) => hex(tokenId, 16), 'ID of the token (LUID), hex'),
    'privileges.txt': table(privilegesTable, ({ privileges }) => privileges),
    'restricted-sids.txt': some(restrictedTable, ({ restricted }) => groupRows(kernel, restricted)),
    'session.txt': file(({ session }) => hex(session, 8), 'session ID, hex'),
    'sid-all.txt': table(groupsTable, ({ groups }) => groupRows(kernel, groups)),
    'sid.txt': file(({ userSid }) => userSid, 'SID of the user'),
    'user.txt': file(({ user }) => user ?? '---', 'name of the user'),
  }, { doc, xattrs: () => addressXattr(address) });
}
