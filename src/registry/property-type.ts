import { isoTime } from '../bytes/filetime.js';
import { guidText } from '../bytes/guid.js';
import { utf16 } from '../bytes/utf16.js';

/** What typed data means, and its text. */
export interface PropertyData {
  readonly native: string | readonly string[] | number | bigint;
  readonly text: string;
}

/** One of the types of data: bytes (undefined: as many as there are) and what they mean. */
interface Kind {
  readonly name: string;
  readonly size: number | undefined;
  /** Undefined when the bytes contradict themselves. */
  read(data: Buffer): PropertyData | undefined;
}

/** Data of device properties has types of this form (devpropdef.h: DEVPROP_TYPE). */
const DEVICE_PROPERTY = 0xffff_0000;
/** Types of AppContainer settings: 0x101 to 0x125, in files of Windows from 0x05f5e101 on. Facts: Y. Khatri, SettingsParse (python-registry); UWPSettingsEditor. */
const SETTING = 0x100;
const SETTING_IN_FILE = 0x05f5_e100;
/** Each setting ends with the time of its last change, a FILETIME. */
const SETTING_TIME = 8;
/** DEVPROP_TYPEMOD: a list of strings. */
const STRING_LIST = 0x2012;

const plain = (native: string | number | bigint): PropertyData => ({ native, text: String(native) });
const lines = (native: readonly string[]): PropertyData => ({ native, text: native.join('\n') });
const kind = (name: string, size: number | undefined, read: (data: Buffer) => string | number | bigint): Kind => ({ name, size, read: (data) => plain(read(data)) });

const text = (data: Buffer): string => {
  const all = utf16(data);
  const end = all.indexOf('\0');
  return end < 0 ? all : all.slice(0, end);
};
const time = (data: Buffer): PropertyData => {
  const native = data.readBigInt64LE(0);
  return { native, text: isoTime(native) ?? String(native) };
};
const flag = (data: Buffer): PropertyData => ({ native: data.readUInt8(0), text: data.readUInt8(0) === 0 ? 'false' : 'true' });
const list = (data: Buffer): string[] => utf16(data).replace(/\0+$/, '').split('\0').filter((part) => part !== '');
const singles = (data: Buffer): string => Array.from({ length: data.length / 4 }, (_, i) => data.readFloatLE(4 * i)).join(' ');

/** Strings of an array of them: each its length in bytes, then its characters. Undefined when a length does not fit. */
const strings = (data: Buffer): PropertyData | undefined => {
  const found: string[] = [];
  for (let at = 0; at < data.length;) {
    const length = at + 4 > data.length ? data.length : data.readUInt32LE(at);
    if (at + 4 + length > data.length) return undefined;
    found.push(text(data.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  return lines(found);
};

const INT8 = kind('SBYTE', 1, (data) => data.readInt8(0));
const UINT8 = kind('BYTE', 1, (data) => data.readUInt8(0));
const INT16 = kind('INT16', 2, (data) => data.readInt16LE(0));
const UINT16 = kind('UINT16', 2, (data) => data.readUInt16LE(0));
const INT32 = kind('INT32', 4, (data) => data.readInt32LE(0));
const UINT32 = kind('UINT32', 4, (data) => data.readUInt32LE(0));
const INT64 = kind('INT64', 8, (data) => data.readBigInt64LE(0));
const UINT64 = kind('UINT64', 8, (data) => data.readBigUInt64LE(0));
const FLOAT = kind('FLOAT', 4, (data) => data.readFloatLE(0));
const DOUBLE = kind('DOUBLE', 8, (data) => data.readDoubleLE(0));
const GUID = kind('GUID', 16, (data) => guidText(data));
const STRING = kind('STRING', undefined, text);
const BOOLEAN: Kind = { name: 'BOOLEAN', size: 1, read: flag };
const CHAR = kind('CHAR', 2, (data) => data.toString('utf16le', 0, 2));
const POINT = kind('POINT', 8, singles);
const SIZE = kind('SIZE', 8, singles);
const RECT = kind('RECT', 16, singles);
const FILETIME: Kind = { name: 'FILETIME', size: 8, read: time };
const code = (name: string): Kind => kind(name, 4, (data) => `0x${data.readUInt32LE(0).toString(16).padStart(8, '0')}`);

const DEVICE_KINDS: Readonly<Record<number, Kind>> = {
  0x02: INT8, 0x03: UINT8, 0x04: INT16, 0x05: UINT16, 0x06: INT32, 0x07: UINT32, 0x08: INT64, 0x09: UINT64, 0x0a: FLOAT, 0x0b: DOUBLE,
  0x0d: GUID, 0x10: FILETIME, 0x11: BOOLEAN, 0x12: STRING, 0x14: { ...STRING, name: 'SECURITY_DESCRIPTOR_STRING' },
  0x15: kind('DEVPROPKEY', 20, (data) => `${guidText(data)} ${data.readUInt32LE(16)}`), 0x16: code('DEVPROPTYPE'), 0x17: code('ERROR'), 0x18: code('NTSTATUS'),
  0x19: { ...STRING, name: 'STRING_INDIRECT' },
  [STRING_LIST]: { name: 'STRING_LIST', size: undefined, read: (data) => lines(list(data)) },
};

const SETTING_KINDS: readonly (Kind | undefined)[] = [
  undefined, UINT8, INT16, UINT16, INT32, UINT32, INT64, UINT64, FLOAT, DOUBLE, CHAR, BOOLEAN, STRING,
  { name: 'COMPOSITE', size: undefined, read: (data) => composite(data, 0) }, { ...FILETIME, name: 'DATE_TIME' },
  { ...INT64, name: 'TIME_SPAN' }, GUID, POINT, SIZE, RECT,
  ...[UINT8, INT16, UINT16, INT32, UINT32, INT64, UINT64, FLOAT, DOUBLE, CHAR, BOOLEAN].map(arrayOf),
  { name: 'STRING_ARRAY', size: undefined, read: strings }, ...[{ ...FILETIME, name: 'DATE_TIME' }, { ...INT64, name: 'TIME_SPAN' }, GUID, POINT, SIZE, RECT].map(arrayOf),
];

function arrayOf(item: Kind): Kind {
  const size = item.size ?? 1;
  return {
    name: `${item.name}_ARRAY`, size: undefined,
    read: (data) => lines(Array.from({ length: Math.floor(data.length / size) }, (_, i) => item.read(data.subarray(i * size, (i + 1) * size))?.text ?? '')),
  };
}

/** Bytes of an item of a composite setting before its name: its length, its type (without the 0x100), the characters of its name. */
const ITEM_HEAD = 12;
/** Composite settings within one another; an application has no reason for more. */
const MAX_DEPTH = 16;

/**
 * A composite setting: items of a name and a value, each at a multiple of eight bytes. A line an item: `name = value`; a value of
 * several lines, and another composite, follows its name, indented.
 */
function composite(data: Buffer, depth: number): PropertyData | undefined {
  const found: string[] = [];
  for (let at = 0; at + ITEM_HEAD <= data.length;) {
    const length = data.readUInt32LE(at);
    const nameEnd = at + ITEM_HEAD + 2 * (data.readUInt32LE(at + 8) + 1);
    if (nameEnd > at + length || at + length > data.length || depth >= MAX_DEPTH) return undefined;
    const name = utf16(data.subarray(at + ITEM_HEAD, nameEnd - 2));
    found.push(...item(name, data.readUInt32LE(at + 4), data.subarray(nameEnd, at + length), depth));
    at += Math.ceil(length / 8) * 8;
  }
  return lines(found);
}

function item(name: string, type: number, data: Buffer, depth: number): string[] {
  const known = SETTING_KINDS[type];
  const fits = known !== undefined && (known.size === undefined || known.size === data.length);
  const within = fits && known.name === 'COMPOSITE' ? composite(data, depth + 1) : undefined;
  const value = (within ?? (fits && known.name !== 'COMPOSITE' ? known.read(data) : undefined))?.text.split('\n') ?? [data.toString('hex')];
  return within === undefined && value.length === 1 ? [`${name} = ${value[0] ?? ''}`] : [`${name} =`, ...value.map((line) => `  ${line}`)];
}

function kindOf(type: number): Kind | undefined {
  if (isDeviceProperty(type)) return DEVICE_KINDS[type & 0xffff];
  const setting = settingNumber(type);
  return setting === undefined ? undefined : SETTING_KINDS[setting];
}

function isDeviceProperty(type: number): boolean {
  return ((type & DEVICE_PROPERTY) >>> 0) === DEVICE_PROPERTY;
}

function settingNumber(type: number): number | undefined {
  const number = type - (type >= SETTING_IN_FILE ? SETTING_IN_FILE : SETTING);
  return number > 0 && number < SETTING_KINDS.length ? number : undefined;
}

/** The name of a device property's type (`DEVPROP_TYPE_…`) or of an AppContainer setting's (`UWP_…`); undefined for all others. */
export function propertyTypeName(type: number): string | undefined {
  const name = kindOf(type)?.name;
  return name === undefined ? undefined : `${isDeviceProperty(type) ? 'DEVPROP_TYPE' : 'UWP'}_${name}`;
}

/** What data of such a type means; undefined when the type is another, or the length does not fit. */
export function propertyData(type: number, data: Buffer): PropertyData | undefined {
  const known = kindOf(type);
  if (known === undefined) return undefined;
  const own = isDeviceProperty(type) ? data : settingData(data);
  return own === undefined || (known.size !== undefined && own.length !== known.size) ? undefined : known.read(own);
}

/** When a setting was last changed, a FILETIME; undefined for values of other types. */
export function settingWritten(type: number, data: Buffer): bigint | undefined {
  return settingNumber(type) === undefined || data.length < SETTING_TIME ? undefined : data.readBigUInt64LE(data.length - SETTING_TIME);
}

function settingData(data: Buffer): Buffer | undefined {
  return data.length < SETTING_TIME ? undefined : data.subarray(0, data.length - SETTING_TIME);
}
