import { hex, hexAscii } from '../bytes/hex.js';
import { utf16 } from '../bytes/utf16.js';
import { propertyData, propertyTypeName } from './property-type.js';

/** The value types of Windows, by number ([MS-RRP] 2.2.6, winnt.h). */
export const VALUE_TYPES = [
  'REG_NONE', 'REG_SZ', 'REG_EXPAND_SZ', 'REG_BINARY', 'REG_DWORD', 'REG_DWORD_BIG_ENDIAN', 'REG_LINK', 'REG_MULTI_SZ',
  'REG_RESOURCE_LIST', 'REG_FULL_RESOURCE_DESCRIPTOR', 'REG_RESOURCE_REQUIREMENTS_LIST', 'REG_QWORD',
] as const;

/** The name of a value's type: `REG_SZ`, `DEVPROP_TYPE_FILETIME`, `UWP_STRING`; `REG_UNKNOWN_0x000003e9` for others. */
export function valueTypeName(type: number): string {
  return VALUE_TYPES[type] ?? propertyTypeName(type) ?? `REG_UNKNOWN_0x${hex(type, 8)}`;
}

/** What a value means in TypeScript; bytes where its type or length says no more. */
export type Native = string | readonly string[] | number | bigint | Buffer;

/** Characters up to the first NUL. */
function sz(data: Buffer): string {
  const text = utf16(data);
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

/** What data of a type means; the bytes themselves when the type says no more or the length does not fit. */
export function nativeOf(type: number, data: Buffer): Native {
  switch (type) {
    case 1: case 2: case 6: return sz(data);
    case 4: return data.length >= 4 ? data.readUInt32LE(0) : data;
    case 5: return data.length >= 4 ? data.readUInt32BE(0) : data;
    case 7: {
      const text = utf16(data);
      return text === '' ? [] : text.split('\0');
    }
    case 11: return data.length >= 8 ? data.readBigUInt64LE(0) : data;
    default: return propertyData(type, data)?.native ?? data;
  }
}

/**
 * Data as text: characters, a line for each string of a REG_MULTI_SZ, eight hex digits for a REG_DWORD, sixteen for a
 * REG_QWORD, a hex dump for all others. Without a newline at its end, but for the dump.
 */
export function dataText(type: number, data: Buffer): string {
  const property = propertyData(type, data);
  if (property !== undefined) return property.text;
  const native = nativeOf(type, data);
  if (typeof native === 'string') return native;
  if (typeof native === 'number') return hex(native, 8);
  if (typeof native === 'bigint') return hex(native, 16);
  return Buffer.isBuffer(native) ? hexAscii(native) : native.join('\n');
}
