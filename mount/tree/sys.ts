import { textTime } from '../../src/bytes/filetime.js';
import { directory } from '../../src/vfs/directory.js';
import type { Table } from '../../src/vfs/column.js';
import type { Directory } from '../../src/vfs/node.js';
import { tableFile } from '../../src/vfs/table.js';
import { text } from '../../src/vfs/text.js';
import { physicalRanges, type PhysicalRange } from '../../src/windows/physical-map.js';
import type { Windows } from '../../src/windows/windows.js';
import { driversDirectory } from './drivers.js';
import { netDirectory } from './net.js';
import { procDirectory } from './proc.js';
import { usersDirectory } from './users.js';

const MEMORY_MAP: Table<PhysicalRange> = {
  name: 'physmemmap',
  doc: 'The ranges of physical memory that the machine had, as its kernel knew them.',
  heading: '   #         Base            Top',
  index: 4,
  columns: [
    { name: 'base', csv: 'Base', kind: 'hex', value: (range) => range.start, text: { width: 12, align: 'right' }, doc: 'first byte' },
    { name: 'top', csv: 'Top', kind: 'hex', value: (range) => range.end, text: { lead: ' - ', width: 12, align: 'right' }, doc: 'last byte' },
  ],
};

/** What the system as a whole says: version, times, names, and the views that belong to no one process. */
export function sysDirectory(windows: Windows): Directory {
  const { system } = windows;
  const value = (known: number | string | undefined): string => (known === undefined ? '' : String(known));
  const time = (known: bigint | undefined): string => `${textTime(known)}\n`;
  return directory({
    'architecture.txt': text(() => system.architecture, { doc: 'architecture: X64' }),
    'computername.txt': text(() => value(system.computerName), { doc: 'the computer\'s name' }),
    drivers: () => driversDirectory(windows),
    memory: () => directory({ 'physmemmap.txt': tableFile(MEMORY_MAP, () => windows.anomalies.attempt('physical memory', () => physicalRanges(windows.kernel)) ?? []) }, { doc: 'physical memory' }),
    net: () => netDirectory(windows),
    proc: () => procDirectory(windows),
    'time-boot.txt': text(() => time(system.bootTime), { doc: 'when it started' }),
    'time-current.txt': text(() => time(system.captureTime), { doc: 'when memory was acquired, by its own clock' }),
    'timezone.txt': text(() => value(system.timeZone), { doc: 'its time zone; all times here are UTC' }),
    users: () => usersDirectory(windows),
    'version.txt': text(() => [system.major, system.minor, system.build].map((part) => part ?? '?').join('.'), { doc: 'version of Windows' }),
    'version-build.txt': text(() => value(system.build), { doc: 'build number' }),
    'version-major.txt': text(() => value(system.major), { doc: 'major version' }),
    'version-minor.txt': text(() => value(system.minor), { doc: 'minor version' }),
  }, { doc: 'the system as a whole: version, times, names, processes, connections, drivers' });
}
