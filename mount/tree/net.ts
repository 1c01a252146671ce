import { NETSCAN, NETSTAT, NETSTAT_VERBOSE } from '../../src/tables/endpoints.js';
import { directory } from '../../src/vfs/directory.js';
import type { Directory } from '../../src/vfs/node.js';
import { tableFile } from '../../src/vfs/table.js';
import type { Endpoint } from '../../src/windows/network.js';
import type { Windows } from '../../src/windows/windows.js';

/** `sys/net`: connections and listeners. */
export function netDirectory(windows: Windows): Directory {
  const listed = (): readonly Endpoint[] => windows.endpoints().filter(({ source }) => source === 'table');
  return directory({
    'netscan.txt': tableFile(NETSCAN, () => windows.endpoints(), { cost: 'slow' }),
    'netstat.txt': tableFile(NETSTAT, listed, { cost: 'slow' }),
    'netstat-v.txt': tableFile(NETSTAT_VERBOSE, listed, { cost: 'slow' }),
  }, { doc: 'connections and listeners' });
}
