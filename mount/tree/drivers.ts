import type { Table } from '../../src/vfs/column.js';
import { directory } from '../../src/vfs/directory.js';
import type { Directory } from '../../src/vfs/node.js';
import { tableFile } from '../../src/vfs/table.js';
import type { Driver } from '../../src/windows/driver.js';
import type { Windows } from '../../src/windows/windows.js';

/** The driver objects of the kernel. */
export const driversTable: Table<Driver> = {
  name: 'drivers',
  doc: 'The driver objects of the kernel and the modules that they lie in.',
  heading: '   #   Object Address Driver               Size Drv Range: Start-End              Service Key      Driver Name                      Driver Path',
  index: 4,
  textOrder: ['object', 'name', 'size', 'start', 'end', 'service_key', 'driver_name', 'driver_path'],
  columns: [
    { name: 'name', csv: 'Name', kind: 'text', value: ({ name }) => name, text: { width: 16, align: 'left' }, doc: 'The object\'s name.' },
    { name: 'object', csv: 'ObjectAddress', kind: 'address', value: ({ address }) => address, text: { width: 16, align: 'right' }, doc: 'Address of the driver object.' },
    { name: 'size', csv: 'Size', kind: 'hex', value: ({ size }) => size, text: { width: 8, align: 'right' }, doc: 'Bytes.' },
    { name: 'start', csv: 'Start', kind: 'address', value: ({ start }) => start, text: { width: 16, align: 'right' }, doc: 'First byte.' },
    { name: 'end', csv: 'End', kind: 'address', value: lastByte, text: { width: 16, align: 'right', lead: '-' }, doc: 'Last byte.' },
    { name: 'service_key', csv: 'ServiceKey', kind: 'text', value: ({ serviceKey }) => serviceKey, text: { width: 16, align: 'left' }, doc: 'Its key below Services.' },
    { name: 'driver_name', csv: 'DriverName', kind: 'text', value: ({ objectName }) => objectName, text: { width: 32, align: 'left' }, doc: 'Its name as the driver object says it.' },
    {
      name: 'driver_path', csv: 'DriverPath', kind: 'text', value: ({ path }) => path ?? '', text: { width: 64, align: 'left' },
      doc: 'The file of the loaded module that it lies in; empty when it lies in none.',
    },
    { name: 'source', kind: 'text', value: ({ source }) => source, doc: 'namespace: found by its name; scan: by the pool scan alone.' },
  ],
};

/** A driver without an image (made by the kernel itself) ends where it begins. */
function lastByte({ start, size }: Driver): bigint {
  return size === 0 ? start : BigInt.asUintN(64, start + BigInt(size) - 1n);
}

/** `sys/drivers/`. */
export function driversDirectory(windows: Windows): Directory {
  return directory({ 'drivers.txt': tableFile(driversTable, () => windows.drivers(), { cost: 'slow' }) }, { doc: 'drivers of the kernel' });
}
