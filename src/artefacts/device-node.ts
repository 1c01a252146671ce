import type { HiveSet } from '../registry/hive-set.js';
import type { Key } from '../registry/key.js';
import { below, inControlSet, type Found } from './found.js';
import { filetimeAt, valuesOf } from './key-values.js';

/** A device that Windows has once seen: `Enum\<bus>\<device>\<instance>`. */
export interface DeviceNode extends Found {
  /** `VID_0781&PID_5530`, `Disk&Ven_SanDisk&Prod_Cruzer&Rev_1.20` */
  readonly device: string;
  /** The serial number, or, when its second character is `&`, a number that Windows made because the device has none. */
  readonly instance: string;
  readonly friendlyName: string | undefined;
  readonly description: string | undefined;
  readonly manufacturer: string | undefined;
  readonly service: string | undefined;
  readonly container: string | undefined;
  readonly parentPrefix: string | undefined;
  readonly location: string | undefined;
  readonly times: DeviceTimes;
}

/** DEVPKEY_Device_InstallDate, FirstInstallDate, LastArrivalDate and LastRemovalDate (devpkey.h). */
export interface DeviceTimes {
  readonly installed: bigint | undefined;
  readonly firstInstalled: bigint | undefined;
  readonly lastArrival: bigint | undefined;
  readonly lastRemoval: bigint | undefined;
}

const DATES = 'Properties\\{83da6326-97a6-4088-9453-a1923f573b29}';

/** A date among the properties: the default value of the property's key, or (Windows 7) `Data` one level below. */
function date(dates: Key | undefined, property: number): bigint | undefined {
  if (dates === undefined) return undefined;
  const number = property.toString(16).padStart(4, '0');
  for (const key of [dates.subkey(number), dates.key(`0000${number}\\00000000`), dates.subkey(`0000${number}`)]) {
    const data = key?.value('')?.data() ?? key?.value('Data')?.data();
    if (data?.length === 8) return filetimeAt(data);
  }
  return undefined;
}

/** The readable half of `@disk.inf,%disk_devdesc%;Disk drive`. */
function readable(text: string | undefined): string | undefined {
  return text?.startsWith('@') === true ? text.slice(text.lastIndexOf(';') + 1) : text;
}

function node(found: Found, device: string): DeviceNode {
  const values = valuesOf(found.key);
  const dates = found.key.key(DATES);
  return {
    ...found,
    device,
    instance: found.key.name,
    friendlyName: readable(values.text('FriendlyName')),
    description: readable(values.text('DeviceDesc')),
    manufacturer: readable(values.text('Mfg')),
    service: values.text('Service'),
    container: values.text('ContainerID'),
    parentPrefix: values.text('ParentIdPrefix'),
    location: values.text('LocationInformation'),
    times: {
      installed: date(dates, 0x64), firstInstalled: date(dates, 0x65), lastArrival: date(dates, 0x66), lastRemoval: date(dates, 0x67),
    },
  };
}

/** The devices of a bus (`USB`, `USBSTOR`, `SWD\WPDBUSENUM`), in the control set in use. */
export function* deviceNodes(set: HiveSet, bus: string): Generator<DeviceNode> {
  for (const devices of inControlSet(set, `Enum\\${bus}`)) {
    for (const device of below(devices)) {
      for (const instance of below(device)) yield node(instance, device.key.name);
    }
  }
}

/** As `deviceNodes`, for a bus whose devices are not sorted by kind: `Enum\SWD\WPDBUSENUM\<instance>`. */
export function* flatDeviceNodes(set: HiveSet, bus: string): Generator<DeviceNode> {
  for (const devices of inControlSet(set, `Enum\\${bus}`)) {
    for (const instance of below(devices)) yield node(instance, bus);
  }
}

/** A device has a serial number of its own when Windows had not to make one. */
export function serialOf(instance: string): string | undefined {
  return instance.charAt(1) === '&' ? undefined : instance.replace(/&\d+$/, '');
}

/** What a device's times mean on the timeline. */
export function* deviceEvents({ times }: DeviceNode, what: string): Generator<{ time: bigint | undefined; action: 'CRE' | 'MOD' | 'RD' | 'DEL' | '---'; text: string }> {
  yield { time: times.firstInstalled ?? times.installed, action: 'CRE', text: `first connected ${what}` };
  yield { time: times.lastArrival, action: '---', text: `connected ${what}` };
  yield { time: times.lastRemoval, action: '---', text: `removed ${what}` };
}
