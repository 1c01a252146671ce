import { bundledFile } from './layout-set.js';

/** data/identities.json.br */
interface Identities {
  /** `machine|file|version|timestamp|image size|set of fields|list of addresses` */
  readonly rows: readonly string[];
  /** Each JSON of offsets by path. */
  readonly fields: readonly string[];
  readonly addressNames: readonly string[];
  readonly addresses: readonly string[];
}

/** A kernel file that is known by its header. */
export interface KernelIdentity {
  /** `10.0.26100.3323` */
  readonly version: string;
  /** `ntoskrnl.exe`, or `ntkrla57.exe` where page tables have five levels. */
  readonly file: string;
  /**
   * Offsets in bytes by Windows' own path, `_EPROCESS.ObjectTable`: they check a layout that was taken from a neighbour. `ObDecodeShift` and
   * `ObAttributesShift`, the shifts that decode a handle table entry, are among them.
   */
  readonly fields: Readonly<Record<string, number>>;
  /** Relative virtual addresses that are published for this file; most have none. */
  readonly symbol: (name: string) => number | undefined;
}

let database: Identities | undefined;
let rows: Map<string, string> | undefined;

export function identityData(): Identities {
  return database ??= bundledFile('identities') as Identities;
}

/**
 * The exact version of a kernel from its PE header, 9926 to 29648, x64 and ARM64; undefined for a file that is not known.
 *
 * @param machine `IMAGE_FILE_HEADER.Machine`
 * @param timestamp `IMAGE_FILE_HEADER.TimeDateStamp`
 * @param sizeOfImage `IMAGE_OPTIONAL_HEADER.SizeOfImage`, bytes
 */
export function kernelIdentity(machine: number, timestamp: number, sizeOfImage: number): KernelIdentity | undefined {
  const data = identityData();
  rows ??= new Map(data.rows.map((row) => {
    const [at, , , time, size] = row.split('|');
    return [`${at}|${time}|${size}`, row];
  }));
  const row = rows.get(`${machine}|${timestamp}|${sizeOfImage}`);
  if (row === undefined) return undefined;
  const [, file = '', version = '', , , set, list] = row.split('|');
  const addresses = data.addresses[Number(list)]?.split(',').map(Number);
  return {
    version, file,
    fields: JSON.parse(data.fields[Number(set)] ?? '{}') as Readonly<Record<string, number>>,
    symbol: (name) => addresses?.[data.addressNames.indexOf(name)] || undefined,
  };
}
