import { hex } from './hex.js';

/** The sixteen bytes of a GUID as 32 upper-case digits without punctuation, as symbol stores name it ([MS-DTYP] 2.3.4.2). */
export function guidDigits(bytes: Buffer, offset = 0): string {
  const tail = bytes.subarray(offset + 8, offset + 16).toString('hex');
  return (hex(bytes.readUInt32LE(offset), 8) + hex(bytes.readUInt16LE(offset + 4), 4)
    + hex(bytes.readUInt16LE(offset + 6), 4) + tail).toUpperCase();
}

/** The sixteen bytes of a GUID in the form of `guidDigits`. */
export function guidBytes(digits: string): Buffer {
  const bytes = Buffer.from(digits, 'hex');
  return Buffer.concat([bytes.subarray(0, 4).reverse(), bytes.subarray(4, 6).reverse(), bytes.subarray(6, 8).reverse(), bytes.subarray(8)]);
}

/** The sixteen bytes of a GUID as Windows writes it: `{83da6326-97a6-4088-9453-a1923f573b29}`. */
export function guidText(bytes: Buffer, offset = 0): string {
  const digits = guidDigits(bytes, offset).toLowerCase();
  return `{${[digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join('-')}}`;
}
