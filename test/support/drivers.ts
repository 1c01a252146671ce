import type { Machine } from './machine.js';

/** A driver object in `\Driver` with its extension, as the I/O manager makes one for a loaded module; its address. */
export function driverObject(made: Machine, name: string, start: bigint, size: number, directory = '\\Driver'): bigint {
  const view = made.objects.create('Driver', '_DRIVER_OBJECT', { name });
  const extension = made.kernel.nonpaged.struct('_DRIVER_EXTENSION', 'DrvE');
  made.kernel.text(extension, 'ServiceKeyName', name);
  made.kernel.text(view, 'DriverName', `${directory}\\${name}`);
  view.set('DriverStart', start).set('DriverSize', size).set('DriverExtension', extension.address);
  made.objects.enter(directory, view.address, name);
  made.driverObjects.push({ name, start });
  return view.address;
}
