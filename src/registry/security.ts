import { FormatError } from '../bytes/errors.js';
import type { RegistryHive } from './hive.js';

const SK = 0x6b73;

/** A security cell. Corresponds to `_CM_KEY_SECURITY`; keys with equal security share one. */
export interface SecurityCell {
  /** Cell indices of the neighbours in the ring of security cells. */
  readonly flink: number;
  readonly blink: number;
  /** How many keys share it, as it says. */
  readonly references: number;
  /** A self-relative SECURITY_DESCRIPTOR ([MS-DTYP] 2.4.6). */
  readonly descriptor: Buffer;
}

/** Reads a security cell; undefined when it is not in the image. @throws FormatError when the cell holds none */
export function securityCell(hive: RegistryHive, cell: number): SecurityCell | undefined {
  const bytes = hive.cells.read(cell);
  if (bytes === undefined) return undefined;
  if (bytes.length < 0x14 || bytes.readUInt16LE(0) !== SK) throw new FormatError('a cell holds no security', cell);
  const length = bytes.readUInt32LE(0x10);
  if (0x14 + length > bytes.length) throw new FormatError('a security descriptor is longer than its cell', cell);
  return {
    flink: bytes.readUInt32LE(4), blink: bytes.readUInt32LE(8), references: bytes.readUInt32LE(0x0c),
    descriptor: bytes.subarray(0x14, 0x14 + length),
  };
}
