import { Anomalies } from '../bytes/anomaly.js';
import { FormatError } from '../bytes/errors.js';
import { BASE_BLOCK_SIZE, baseBlock, type BaseBlock } from './base-block.js';
import { BLOCK, Cells, NO_STORAGE, type Storage, type Stretch } from './cells.js';
import { RegistryHive } from './hive.js';
import { isKeyCell, isRootCell, rootCellIn, standInBaseBlock } from './lost-root.js';

/** The bins of a hive file, in one buffer that begins with the first bin. */
export class FileStorage implements Storage {
  readonly #stretch: Stretch;
  #ends: Uint32Array | undefined;

  constructor(bytes: Buffer, private readonly where: string, private readonly anomalies: Anomalies) {
    this.#stretch = { start: 0, bytes };
  }

  get length(): number { return this.#stretch.bytes.length; }

  stretch(offset: number): Stretch | undefined {
    return offset < this.length ? this.#stretch : undefined;
  }

  binEnd(offset: number): number | undefined {
    this.#ends ??= this.#binEnds();
    return this.#ends[Math.floor(offset / BLOCK)] || undefined;
  }

  /** For each block the end of its bin; zero where no bin header tells. */
  #binEnds(): Uint32Array {
    const { bytes } = this.#stretch;
    const ends = new Uint32Array(Math.ceil(bytes.length / BLOCK));
    for (let at = 0; at + 0x20 <= bytes.length;) {
      const size = bytes.readUInt32LE(at + 8);
      const good = bytes.toString('latin1', at, at + 4) === 'hbin' && size >= BLOCK && size % BLOCK === 0
        && bytes.readUInt32LE(at + 4) === at && at + size <= bytes.length;
      if (good) {
        ends.fill(at + size, at / BLOCK, (at + size) / BLOCK);
        at += size;
      } else {
        this.anomalies.add(this.where, 'a bin has no valid header', at);
        at += BLOCK;
      }
    }
    return ends;
  }
}

/** A hive file that was opened. */
export interface HiveFile {
  readonly header: BaseBlock;
  readonly hive: RegistryHive;
}

/**
 * Opens the bytes of a hive file (regf). Nothing is copied: the bytes must not change while the hive is used.
 * @param where the place named in anomalies
 * @throws FormatError when the bytes are no hive
 */
export function openHiveFile(bytes: Buffer, where = 'hive', anomalies = new Anomalies()): HiveFile {
  const standIn = standInBaseBlock(bytes);
  if (standIn !== undefined) anomalies.add(where, 'the base block is gone; the root key was found in the bins');
  const header = baseBlock(standIn ?? bytes);
  if (header.type !== 0) throw new FormatError('no registry hive: it is a transaction log');
  const bins = bytes.subarray(BASE_BLOCK_SIZE);
  if (!header.intact) anomalies.add(where, 'the checksum of the base block does not fit');
  if (header.sequence1 !== header.sequence2) anomalies.add(where, 'the hive is dirty: its last write was not completed');
  if (header.length > bins.length) anomalies.add(where, `the hive is cut off: ${header.length - bins.length} bytes of its bins are not there`);
  const whole = Math.min(header.length, bins.length);
  const length = whole - whole % 8;
  const storage = new FileStorage(bins.subarray(0, length), where, anomalies);
  // Reading all bin headers at once is cheap, and a damaged one is said though no key happens to need it.
  storage.binEnd(0);
  const rootCell = standIn === undefined && !isKeyCell(bins, header.rootCell) ? rootCellIn(bins.subarray(0, length)) : undefined;
  if (rootCell !== undefined) anomalies.add(where, 'the base block names no root key; it was found in the bins', rootCell);
  const root = rootCell ?? header.rootCell;
  if (isKeyCell(bins, root) && !isRootCell(bins, root)) anomalies.add(where, 'the root key is not marked as the root of a hive: Windows does not load it', root);
  return { header, hive: new RegistryHive({
    cells: new Cells(storage, NO_STORAGE), rootCell: root, minor: header.minor, where, anomalies,
    behind: bins.length > length ? bins.subarray(length) : undefined,
  }) };
}
