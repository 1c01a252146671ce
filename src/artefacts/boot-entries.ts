import { guidText } from '../bytes/guid.js';
import { hex } from '../bytes/hex.js';
import type { HiveSet } from '../registry/hive-set.js';
import type { Value } from '../registry/value.js';
import { artefact } from './artefact.js';
import { at, below, inHives, WHERE, type Found } from './found.js';
import { textsOf, valuesOf } from './key-values.js';
import { bits, plainTable, text } from './plain-table.js';

interface BootElement extends Found {
  readonly object: string;
  readonly objectName: string | undefined;
  readonly objectType: number | undefined;
  readonly description: string | undefined;
  readonly element: number;
  readonly value: string | undefined;
}

/** Objects that have the same GUID on every machine (bcdedit's names). */
const OBJECTS: Readonly<Record<string, string>> = {
  '{9dea862c-5cdd-4e70-acc1-f32b344d4795}': 'bootmgr', '{a5a30fa2-3d06-4e9f-b5f4-a01df9d1fcba}': 'fwbootmgr', '{b2721d73-1db4-4c62-bf78-c548a880142d}': 'memdiag',
  '{466f5a88-0af2-4f76-9038-095b170dc21c}': 'ntldr', '{fa926493-6f1c-4193-a414-58f0b2456d1e}': 'current', '{5189b25c-5558-4bf2-bca4-289b11bd29e2}': 'badmemory',
  '{6efb52bf-1766-41db-a6b3-0ee5eff72bd7}': 'bootloadersettings', '{4636856e-540f-4170-a130-a84776f4c654}': 'dbgsettings',
  '{0ce4991b-e6b3-4b16-b23c-5e0d9250e5d9}': 'emssettings', '{1afa9c49-16ab-4a5c-901b-212802da9460}': 'resumeloadersettings',
  '{7ea2e1ac-2e61-4728-aaa3-896d9d0a9f0e}': 'globalsettings', '{7ff607e0-4395-11db-b0de-0800200c9a66}': 'hypervisorsettings',
};
/** What a type of object is. */
const TYPES: Readonly<Record<number, string>> = {
  0x10100001: 'firmware boot manager', 0x10100002: 'boot manager', 0x101fffff: 'firmware application', 0x10200003: 'Windows boot loader', 0x10200004: 'resume loader', 0x10200005: 'memory tester',
  0x10300006: 'Windows NT loader', 0x10400008: 'boot sector', 0x10400009: 'startup.com', 0x20100000: 'inherited settings', 0x20200003: 'inherited loader settings',
  0x20200004: 'inherited resume settings', 0x30000000: 'device options',
};
/** Elements by their type (bcdedit's names; "BCD Reference", Windows SDK). */
const ELEMENTS: Readonly<Record<number, string>> = {
  0x11000001: 'device', 0x12000002: 'path', 0x12000004: 'description', 0x12000005: 'locale', 0x14000006: 'inherit', 0x15000007: 'truncatememory', 0x14000008: 'recoverysequence',
  0x16000009: 'recoveryenabled', 0x1700000a: 'badmemorylist', 0x1600000b: 'badmemoryaccess', 0x1500000c: 'firstmegabytepolicy', 0x16000010: 'bootdebug', 0x15000011: 'debugtype',
  0x15000012: 'debugaddress', 0x15000013: 'debugport', 0x15000014: 'baudrate', 0x15000015: 'channel', 0x12000016: 'targetname', 0x1600001b: 'dhcp', 0x1500001a: 'hostip',
  0x16000020: 'bootems', 0x12000030: 'loadoptions', 0x16000040: 'advancedoptions', 0x16000041: 'optionsedit', 0x16000046: 'graphicsmodedisabled', 0x15000047: 'configaccesspolicy',
  0x16000048: 'nointegritychecks', 0x16000049: 'testsigning', 0x1200004a: 'fontpath', 0x16000060: 'isolatedcontext', 0x15000065: 'displaymessage', 0x16000069: 'bootuxdisabled',
  0x1600006c: 'nobootuxtext', 0x1600006a: 'bootuxlogo', 0x17000077: 'allowedinmemorysettings', 0x21000001: 'osdevice', 0x22000002: 'systemroot', 0x23000003: 'default or resumeobject',
  0x24000001: 'displayorder', 0x24000002: 'bootsequence', 0x25000004: 'timeout', 0x26000005: 'resume', 0x23000006: 'resumeobject', 0x24000010: 'toolsdisplayorder', 0x26000010: 'detecthal',
  0x22000011: 'kernel', 0x22000012: 'hal', 0x22000013: 'dbgtransport', 0x25000020: 'nx', 0x25000021: 'pae', 0x26000022: 'winpe', 0x26000024: 'nocrashautoreboot',
  0x26000025: 'lastknowngood', 0x26000026: 'nolowmem or passcount', 0x26000030: 'nolowmem', 0x26000040: 'vga', 0x26000041: 'quietboot', 0x26000042: 'novesa', 0x26000060: 'usefirmwarepcisettings',
  0x25000061: 'numproc', 0x26000070: 'usephysicaldestination', 0x25000080: 'safeboot', 0x26000081: 'safebootalternateshell', 0x26000090: 'bootlog', 0x26000091: 'sos', 0x260000a0: 'debug',
  0x260000a1: 'halbreakpoint', 0x260000b0: 'ems', 0x250000c1: 'driverloadfailurepolicy', 0x250000c2: 'bootmenupolicy', 0x250000e0: 'bootstatuspolicy', 0x260000e1: 'disableelamdrivers',
  0x250000f0: 'hypervisorlaunchtype', 0x260000f2: 'hypervisordebug', 0x25000115: 'hypervisoriommupolicy', 0x25000120: 'xsavepolicy', 0x31000003: 'ramdisksdidevice', 0x32000004: 'ramdisksdipath',
  0x35000001: 'ramdiskimageoffset', 0x35000005: 'ramdiskimagelength', 0x22000023: 'bcdfilepath', 0x21000022: 'bcddevice',
};
/** The kinds of value, in bits 24 to 27 of an element's type. */
const FORMAT = { device: 1, text: 2, object: 3, objects: 4, number: 5, flag: 6, numbers: 7 } as const;
/** Where a device's description begins behind the GUID of its options, and that of a partition within it. */
const DEVICE = 0x10;
const DEVICE_TYPES: Readonly<Record<number, string>> = { 0: 'block device', 2: 'partition', 3: 'file', 4: 'ramdisk', 5: 'boot device', 6: 'partition', 8: 'located' };
const QUALIFIED_PARTITION = 6;

/** `boot device`, `partition {…} of disk {…}` */
function device(data: Buffer): string | undefined {
  if (data.length < DEVICE + 4) return undefined;
  const type = data.readUInt32LE(DEVICE);
  const name = DEVICE_TYPES[type] ?? `device of type ${type}`;
  if (type !== QUALIFIED_PARTITION || data.length < DEVICE + 0x38) return name;
  // A partition is known by its GUID and its disk's, or by its offset and its disk's signature.
  return data.readUInt32LE(DEVICE + 0x24) === 0
    ? `${name} ${guidText(data, DEVICE + 0x10)} of disk ${guidText(data, DEVICE + 0x28)}`
    : `${name} at 0x${hex(data.readBigUInt64LE(DEVICE + 0x10))} of disk ${hex(data.readUInt32LE(DEVICE + 0x28), 8)}`;
}

/** A number of one to eight bytes. */
function number(data: Buffer): bigint {
  return Buffer.concat([data.subarray(0, 8), Buffer.alloc(8)]).readBigUInt64LE(0);
}

/** `{…} (bootmgr)` */
function objectText(guid: string): string {
  const name = OBJECTS[guid.toLowerCase()];
  return name === undefined ? guid : `${guid} (${name})`;
}

function elementText(type: number, value: Value): string | undefined {
  const data = value.data();
  if (data === undefined) return undefined;
  switch ((type >>> 24) & 0xf) {
    case FORMAT.device: return device(data);
    case FORMAT.text: return value.text();
    case FORMAT.object: case FORMAT.objects: return textsOf(value)?.map(objectText).join(', ');
    case FORMAT.number: return data.length === 0 ? undefined : String(number(data));
    case FORMAT.flag: return data.length === 0 ? undefined : data[0] === 0 ? 'no' : 'yes';
    default: return data.subarray(0, 256).toString('hex');
  }
}

function* elements(set: HiveSet): Generator<BootElement> {
  for (const objects of inHives(set.of('BCD'), 'Objects')) {
    for (const object of below(objects)) {
      const kind = object.key.subkey('Description');
      const type = kind === undefined ? undefined : valuesOf(kind).number('Type');
      for (const list of at(object, 'Elements')) {
        const described = list.key.subkey('12000004');
        const description = described === undefined ? undefined : valuesOf(described).text('Element');
        for (const found of below(list)) {
          const value = found.key.value('Element');
          if (value === undefined || !/^[0-9a-f]{8}$/i.test(found.key.name)) continue;
          const element = parseInt(found.key.name, 16);
          yield {
            ...found, object: object.key.name, objectName: OBJECTS[object.key.name.toLowerCase()], objectType: type, description, element, value: elementText(element, value),
          };
        }
      }
    }
  }
}

/** How the machine starts: each element of each object of the boot configuration. */
export const BOOT_ENTRIES = artefact<BootElement>({
  reads: ['BCD\\Objects'],
  table: plainTable({
    name: 'boot_entries',
    doc: 'How the machine starts: each element of each object of the boot configuration data. testsigning, nointegritychecks, debug and bootdebug open the kernel; safeboot starts with less.',
    columns: [
      text('object', (r) => r.object, 'GUID of the object', 38),
      text('object_name', (r) => r.objectName, 'its name, where it has one on every machine', 18),
      text('type', (r) => (r.objectType === undefined ? undefined : TYPES[r.objectType]), 'what it is', 20),
      text('description', (r) => r.description, 'its description', 24),
      text('element', (r) => ELEMENTS[r.element], 'the setting, as bcdedit names it', 20),
      text('value', (r) => r.value, 'what it is set to', 40),
      bits('element_type', (r) => r.element, 'number of the element'),
      bits('object_type', (r) => r.objectType, 'number of the object\'s type'),
      ...WHERE,
    ],
  }),
  rows: elements,
});
