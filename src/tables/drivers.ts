import type { Table } from '../vfs/column.js';
import type { Driver } from '../windows/driver.js';

/** The last byte of a driver's image; a driver without one (made by the kernel itself) ends where it begins. */
export function driverEnd({ start, size }: Pick<Driver, 'start' | 'size'>): bigint {
  return size === 0 ? start : BigInt.asUintN(64, start + BigInt(size) - 1n);
}

/** The driver objects of the kernel. */
export const DRIVERS: Table<Driver> = {
  name: 'driver',
  doc: 'The driver objects, those that only the pool scan found included, and the modules that they lie in.',
  heading: '   #   Object Address Driver               Size Drv Range: Start-End              Service Key      Driver Name                      Driver Path',
  index: 4,
  textOrder: ['object', 'name', 'size', 'start', 'end', 'service_key', 'driver_name', 'driver_path'],
  columns: [
    { name: 'name', csv: 'Name', kind: 'text', value: ({ name }) => name || undefined, text: { width: 16, align: 'left' }, doc: 'last part of the object\'s name' },
    { name: 'object', csv: 'ObjectAddress', kind: 'address', value: ({ address }) => address, text: { width: 16, align: 'right' }, doc: 'address of the driver object' },
    { name: 'size', csv: 'Size', kind: 'hex', value: ({ size }) => size, text: { width: 8, align: 'right' }, doc: 'bytes' },
    { name: 'start', csv: 'Start', kind: 'address', value: ({ start }) => start, text: { width: 16, align: 'right' }, doc: 'first byte' },
    { name: 'end', csv: 'End', kind: 'address', value: driverEnd, text: { width: 16, align: 'right', lead: '-' }, doc: 'last byte' },
    { name: 'service_key', csv: 'ServiceKey', kind: 'text', value: ({ serviceKey }) => serviceKey || undefined, text: { width: 16, align: 'left' }, doc: 'its key below Services' },
    { name: 'driver_name', csv: 'DriverName', kind: 'text', value: ({ objectName }) => objectName || undefined, text: { width: 32, align: 'left' }, doc: 'its name as the driver object says it' },
    {
      name: 'driver_path', csv: 'DriverPath', kind: 'text', value: ({ path }) => path, text: { width: 64, align: 'left' },
      doc: 'the file of the loaded module that it lies in; absent when it lies in none',
    },
    { name: 'source', kind: 'text', value: ({ source }) => source, doc: 'namespace: found by its name; scan: by the pool scan alone' },
  ],
};
