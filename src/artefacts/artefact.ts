import type { HiveSet } from '../registry/hive-set.js';
import type { Table } from '../vfs/column.js';

/** A point on the timeline that a row gives; undefined or zero: none. */
export interface ArtefactEvent {
  readonly time: bigint | undefined;
  /** What happened: created, modified, read, deleted, or none of these. */
  readonly action: 'CRE' | 'MOD' | 'RD' | 'DEL' | '---';
  readonly text: string;
}

/** What the registry tells of one matter: where it is read, its columns, its rows. */
export interface ArtefactOf<R> {
  /** Its name is that of the files under artefacts/. */
  readonly table: Table<R>;
  /** For the documentation: `SYSTEM\<control set>\Services`. */
  readonly reads: readonly string[];
  readonly timeline?: {
    /** The tag in the timeline, at most six characters. */
    readonly type: string;
    events(row: R): Iterable<ArtefactEvent>;
  };
  /** Damaged parts are skipped and become anomalies of the hives. */
  rows(set: HiveSet): Iterable<R>;
}

/** An artefact without its row type, so that all stand in one list. */
export interface Artefact {
  readonly name: string;
  readonly table: Table<never>;
  readonly reads: readonly string[];
  /** Hands the artefact over with its row type, whatever that is. */
  use<T>(what: <R>(of: ArtefactOf<R>) => T): T;
}

export function artefact<R>(of: ArtefactOf<R>): Artefact {
  return { name: of.table.name, table: of.table, reads: of.reads, use: (what) => what(of) };
}
