import type { Anomalies } from '../bytes/anomaly.js';
import { walk } from '../bytes/walk.js';
import { bins, type Bin } from './bins.js';
import { HiveBudget } from './budget.js';
import type { Cells } from './cells.js';
import { Key, KEY_NODE_SIZE } from './key.js';

export interface HiveParts {
  readonly cells: Cells;
  /** The cell index of the root key. */
  readonly rootCell: number;
  /** The minor version of the format: big data exists from 4 on. */
  readonly minor: number;
  /** The place named in anomalies: `hive SYSTEM`. */
  readonly where: string;
  readonly anomalies: Anomalies;
  /** Bytes of the file behind its last bin, which a larger hive left there. */
  readonly behind?: Buffer | undefined;
}

/** A registry hive, whether a file or in memory: the way to its keys. Reads lazily; damaged parts become anomalies. */
export class RegistryHive {
  readonly cells: Cells;
  readonly rootCell: number;
  readonly minor: number;
  readonly where: string;
  readonly anomalies: Anomalies;
  readonly behind: Buffer | undefined;
  /** Bounds the lists and data that its keys and values name. */
  readonly budget: HiveBudget;

  constructor(parts: HiveParts) {
    this.cells = parts.cells;
    this.rootCell = parts.rootCell;
    this.minor = parts.minor;
    this.where = parts.where;
    this.anomalies = parts.anomalies;
    this.behind = parts.behind;
    this.budget = new HiveBudget(parts.cells.stable.length + parts.cells.volatile.length);
  }

  /** The root key; undefined when it is not in the image or damaged. */
  root(): Key | undefined {
    return this.keyAt(this.rootCell);
  }

  /** The key at a path below the root (`Microsoft\Windows`, case does not matter); undefined when there is none. */
  key(path: string): Key | undefined {
    return this.root()?.key(path);
  }

  /** The key in a cell; its parents are those that its own cell names. Undefined when it is not in the image or damaged. */
  keyAt(cell: number): Key | undefined {
    return this.anomalies.attempt(this.where, () => Key.read(this, cell, undefined));
  }

  /** All keys, each before its sub-keys, in the order of the lists. */
  keys(): Generator<Key> {
    const root = this.root();
    const cap = Math.ceil((this.cells.stable.length + this.cells.volatile.length) / KEY_NODE_SIZE);
    return walk<Key, Key>(root === undefined ? [] : [root], (key) => key.cell,
      (key) => ({ value: key, next: key.subkeys() }), { where: this.where, cap, anomalies: this.anomalies });
  }
  /** The bins, stable ones first, with the cells in each: what lies in the hive, whether a key leads to it or not. */
  bins(): Generator<Bin> {
    return bins(this.cells);
  }
}
