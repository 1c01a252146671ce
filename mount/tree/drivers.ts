import { DRIVERS } from '../../src/tables/drivers.js';
import { directory } from '../../src/vfs/directory.js';
import type { Directory } from '../../src/vfs/node.js';
import { tableFile } from '../../src/vfs/table.js';
import type { Windows } from '../../src/windows/windows.js';

/** `sys/drivers/`. */
export function driversDirectory(windows: Windows): Directory {
  return directory({ 'drivers.txt': tableFile(DRIVERS, () => windows.drivers(), { cost: 'slow' }) }, { doc: 'drivers of the kernel' });
}
