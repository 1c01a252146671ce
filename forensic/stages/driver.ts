import { hex } from '../../src/bytes/hex.js';
import type { Driver } from '../../src/windows/driver.js';
import type { Table } from '../../src/vfs/column.js';
import { stage } from '../stage.js';

const end = ({ start, size }: Driver): bigint => (start === 0n ? 0n : start + BigInt(Math.max(size, 1)) - 1n);

const DRIVER: Table<Driver> = {
  name: 'driver',
  doc: 'The driver objects: in the object directories, and those that only the pool scan found.',
  heading: '',
  columns: [
    { name: 'name', csv: 'Name', kind: 'text', value: (d) => d.name, doc: 'last part of the object\'s name' },
    { name: 'object', csv: 'ObjectAddress', kind: 'address', value: (d) => d.address, doc: 'address of the driver object' },
    { name: 'size', csv: 'Size', kind: 'hex', value: (d) => d.size, doc: 'bytes' },
    { name: 'start', csv: 'Start', kind: 'address', value: (d) => d.start, doc: 'first byte' },
    { name: 'end', csv: 'End', kind: 'address', value: end, doc: 'last byte' },
    { name: 'service_key', csv: 'ServiceKey', kind: 'text', value: (d) => d.serviceKey, doc: 'key of its service' },
    { name: 'driver_name', csv: 'DriverName', kind: 'text', value: (d) => d.objectName, doc: 'name of the object' },
    { name: 'driver_path', csv: 'DriverPath', kind: 'text', value: (d) => d.path ?? '', doc: 'path of the module that holds it' },
    { name: 'source', kind: 'text', value: (d) => d.source, doc: 'namespace, or scan: found by the pool scan alone' },
  ],
};

export const driverStage = stage<Driver>({
  name: 'driver',
  table: DRIVER,
  waitsForScan: true,
  csv: 'drivers',
  json: { file: 'general', line: (d) => ({
    type: 'driver', pid: 4, proc: 'System', obj: hex(d.address, 16), addr: hex(d.start), addr2: hex(end(d)), size: d.size, desc: d.objectName, desc2: d.path ?? '',
  }) },
  * rows(windows, { step }) {
    const drivers = windows.drivers();
    for (const [done, driver] of drivers.entries()) {
      step(done, drivers.length);
      yield driver;
    }
  },
});
