import type { Table } from '../../src/vfs/column.js';
import { directory } from '../../src/vfs/directory.js';
import type { Directory } from '../../src/vfs/node.js';
import { tableFile } from '../../src/vfs/table.js';
import { accountName, isWellKnownAccount } from '../../src/windows/users.js';
import type { Windows } from '../../src/windows/windows.js';

interface User {
  readonly sid: string;
  readonly name: string | undefined;
}

export const usersTable: Table<User> = {
  name: 'users',
  doc: 'The accounts of persons whose hives are loaded.',
  heading: '   # Username                         SID',
  index: 4,
  columns: [
    { name: 'user', csv: 'Username', kind: 'text', value: (user) => user.name, text: { width: 32, align: 'left', show: (user) => user.name ?? '***' }, doc: 'account name' },
    { name: 'sid', csv: 'SID', kind: 'text', value: (user) => user.sid, text: { width: 80, align: 'left' }, doc: 'security identifier' },
  ],
};

const USER_HIVE = /^\\REGISTRY\\USER\\(S-1-[0-9-]+)$/i;

/** Whose hives are loaded, well-known accounts left out. */
function* users(windows: Windows): Generator<User> {
  for (const hive of windows.hives()) {
    const sid = USER_HIVE.exec(hive.rootPath)?.[1];
    if (sid !== undefined && !isWellKnownAccount(sid)) yield { sid, name: accountName(windows.kernel, sid) };
  }
}

export function usersDirectory(windows: Windows): Directory {
  return directory({ 'users.txt': tableFile(usersTable, () => users(windows)) }, { doc: 'user accounts' });
}
