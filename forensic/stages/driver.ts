import { hex } from '../../src/bytes/hex.js';
import { driverEnd, DRIVERS } from '../../src/tables/drivers.js';
import type { Driver } from '../../src/windows/driver.js';
import { stage } from '../stage.js';

export const driverStage = stage<Driver>({
  name: 'driver',
  table: DRIVERS,
  waitsForScan: true,
  csv: 'drivers',
  json: { file: 'general', line: (driver) => ({
    type: 'driver', pid: 4, proc: 'System', obj: hex(driver.address, 16), addr: hex(driver.start), addr2: hex(driverEnd(driver)), size: driver.size,
    desc: driver.objectName, desc2: driver.path ?? '',
  }) },
  * rows(windows, { step }) {
    const drivers = windows.drivers();
    for (const [done, driver] of drivers.entries()) {
      step(done, drivers.length);
      yield driver;
    }
  },
});
