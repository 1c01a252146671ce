import { hex } from '../bytes/hex.js';
import { big, nonZero, number, optional, struct } from '../profile/struct.js';
import { controlAreaAt } from './control-area.js';
import { directoryObjects } from './object-directory.js';
import { address, yes, type Fact, type FactReader } from './object-facts.js';
import { fileObject, fileSystemSize, isOnStorage } from './file-object.js';
import type { Kernel } from './kernel.js';
import { objectManager } from './object.js';
import { PROTECTIONS, protectionName } from './vad.js';

const FILE = struct('_FILE_OBJECT', {
  flags: number('Flags'), readAccess: number('ReadAccess'), writeAccess: number('WriteAccess'), deleteAccess: number('DeleteAccess'),
  sharedRead: number('SharedRead'), sharedWrite: number('SharedWrite'), sharedDelete: number('SharedDelete'), position: big('CurrentByteOffset'),
});
/** Windows 10 and later; before, a pointer leads to the segment. */
const SECTION = struct('_SECTION', {
  area: nonZero('u1.ControlArea'), size: big('SizeOfSection'), protection: optional(number('InitialPageProtection')),
  image: optional(number('u.Flags.Image')), file: optional(number('u.Flags.File')), based: optional(number('u.Flags.Based')), reserve: optional(number('u.Flags.Reserve')),
});
const OLD_SECTION = struct('_SECTION_OBJECT', { segment: nonZero('Segment') });
/** The segment that a section object names begins with its control area. */
const SEGMENT = struct('_SEGMENT', { area: nonZero('ControlArea'), size: big('SizeOfSegment') });
const AREA = struct('_CONTROL_AREA', { image: number('u.Flags.Image') });
const DRIVER = struct('_DRIVER_OBJECT', { start: big('DriverStart'), size: number('DriverSize'), init: optional(big('DriverInit')), unload: optional(nonZero('DriverUnload')) });
const DEVICE = struct('_DEVICE_OBJECT', { driver: nonZero('DriverObject'), attached: optional(nonZero('AttachedDevice')), type: number('DeviceType'), flags: optional(number('Flags')) });

/** `FILE_OBJECT.Flags` (wdm.h). */
const FILE_FLAGS: readonly (readonly [bit: number, name: string])[] = [
  [0x1, 'FO_FILE_OPEN'], [0x2, 'FO_SYNCHRONOUS_IO'], [0x4, 'FO_ALERTABLE_IO'], [0x8, 'FO_NO_INTERMEDIATE_BUFFERING'], [0x10, 'FO_WRITE_THROUGH'], [0x20, 'FO_SEQUENTIAL_ONLY'],
  [0x40, 'FO_CACHE_SUPPORTED'], [0x80, 'FO_NAMED_PIPE'], [0x100, 'FO_STREAM_FILE'], [0x200, 'FO_MAILSLOT'], [0x400, 'FO_GENERATE_AUDIT_ON_CLOSE'], [0x800, 'FO_DIRECT_DEVICE_OPEN'],
  [0x1000, 'FO_FILE_MODIFIED'], [0x2000, 'FO_FILE_SIZE_CHANGED'], [0x4000, 'FO_CLEANUP_COMPLETE'], [0x8000, 'FO_TEMPORARY_FILE'], [0x1_0000, 'FO_DELETE_ON_CLOSE'],
  [0x2_0000, 'FO_OPENED_CASE_SENSITIVE'], [0x4_0000, 'FO_HANDLE_CREATED'], [0x8_0000, 'FO_FILE_FAST_IO_READ'], [0x10_0000, 'FO_RANDOM_ACCESS'],
  [0x20_0000, 'FO_FILE_OPEN_CANCELLED'], [0x40_0000, 'FO_VOLUME_OPEN'], [0x100_0000, 'FO_REMOTE_ORIGIN'], [0x200_0000, 'FO_DISALLOW_EXCLUSIVE'], [0x400_0000, 'FO_SKIP_SET_FAST_IO'],
  [0x800_0000, 'FO_INDIRECT_WAIT_OBJECT'], [0x1000_0000, 'FO_SECTION_MINSTORE_TREATMENT'],
];

/** Letters as users of Windows write them: read, write, delete. */
const rwd = (read: number, write: number, remove: number): string => [read === 1 ? 'read' : '', write === 1 ? 'write' : '', remove === 1 ? 'delete' : ''].filter((word) => word !== '').join(', ') || 'none';

export const fileFacts: FactReader = (kernel, { body }) => {
  const record = kernel.read(FILE, body);
  if (record === undefined) return undefined;
  const file = fileObject(kernel, body);
  const size = file === undefined ? undefined : fileSystemSize(kernel, file);
  const flags = FILE_FLAGS.flatMap(([bit, name]) => ((record.flags & bit) === 0 ? [] : [name])).join(' | ');
  return [
    ...(file !== undefined && isOnStorage(kernel, file) ? [['Size', size === undefined ? undefined : String(size)] as const] : []),
    ['Flags', `0x${hex(record.flags >>> 0)}${flags === '' ? '' : ` ${flags}`}`],
    ['Opened for', rwd(record.readAccess, record.writeAccess, record.deleteAccess)],
    ['Shared for', rwd(record.sharedRead, record.sharedWrite, record.sharedDelete)],
    ['Position', String(record.position)],
    ['Delete pending', yes(file?.deletePending)],
  ];
};

/** What a section object is of: its control area, which may name a file. */
export function sectionArea(kernel: Kernel, body: bigint): bigint | undefined {
  if (kernel.profile.sizeOf('_SECTION') !== undefined) return kernel.read(SECTION, body)?.area;
  const segment = kernel.read(OLD_SECTION, body)?.segment;
  return segment === undefined || !kernel.isKernelAddress(segment) ? undefined : kernel.read(SEGMENT, segment)?.area;
}

export const sectionFacts: FactReader = (kernel, { body }) => {
  const recent = kernel.profile.sizeOf('_SECTION') !== undefined;
  const record = recent ? kernel.read(SECTION, body) : undefined;
  const old = recent ? undefined : kernel.read(OLD_SECTION, body);
  if (record === undefined && old === undefined) return undefined;
  const at = sectionArea(kernel, body);
  const area = at === undefined ? undefined : controlAreaAt(kernel, at);
  const size = record?.size ?? (old?.segment === undefined || !kernel.isKernelAddress(old.segment) ? undefined : kernel.read(SEGMENT, old.segment)?.size);
  const image = record?.image ?? (area === undefined ? undefined : kernel.read(AREA, area.address)?.image);
  const kind = image === 1 ? 'image' : area?.fileObject === undefined ? 'page file' : 'data';
  const named = record?.protection === undefined || record.protection >= PROTECTIONS.length ? undefined : protectionName(record.protection);
  return [
    ['Size', size === undefined ? undefined : String(size)], ['Kind', area === undefined ? undefined : kind], ['Control area', address(at)],
    ...(area?.fileObject === undefined ? [] : [['File', area.file], ['File object', address(area.fileObject)]] as const),
    ...(named === undefined ? [] : [['Protection', named]] as const),
  ];
};

export const driverFacts: FactReader = (kernel, { body }) => {
  const driver = kernel.read(DRIVER, body);
  return driver && [['Start', address(driver.start)], ['Size', `0x${hex(driver.size)}`], ['Entry', address(driver.init)], ['Unload', address(driver.unload) ?? 'none']];
};

export const deviceFacts: FactReader = (kernel, { body }) => {
  const device = kernel.read(DEVICE, body);
  if (device === undefined) return undefined;
  const nameOf = (object: bigint | undefined): string | undefined => {
    if (object === undefined || !kernel.isKernelAddress(object)) return undefined;
    const manager = objectManager(kernel);
    return manager.path(object) ?? manager.name(object) ?? hex(object, 16);
  };
  return [['Driver', nameOf(device.driver)], ['Device type', `0x${hex(device.type)}`], ['Attached device', device.attached === undefined ? 'none' : nameOf(device.attached)]];
};

/** Names shown of a directory's objects; the count tells the rest. */
const MAX_SHOWN = 1000;

export const directoryFacts: FactReader = (kernel, { body }) => {
  const manager = objectManager(kernel);
  const objects = directoryObjects(kernel, body);
  const names = objects.slice(0, MAX_SHOWN).map((object) => `${manager.name(object) ?? hex(object, 16)} (${manager.header(object)?.type?.name ?? 'unknown'})`).sort();
  return [['Objects', String(objects.length)], ...names.map((name): Fact => ['Holds', name])];
};
