import type { Table } from '../src/vfs/column.js';
import { csvHeading, csvRow, jsonRow, textOf } from '../src/vfs/table.js';
import type { Windows } from '../src/windows/windows.js';
import type { SqlValue } from '../native-bindings/sqlite.js';
import { sqlValues } from './schema.js';

/** What happened: created, modified, read, deleted (ended), or none of these. */
export type Action = 'CRE' | 'MOD' | 'RD' | 'DEL' | '---';

/** A point on the timeline. */
export interface TimelineEvent {
  /** FILETIME; undefined or zero: no event. */
  readonly time: bigint | undefined;
  readonly action: Action;
  readonly pid: number;
  readonly value32: number;
  readonly value64: bigint;
  readonly text: string;
}

/** The rows' times that go to the timeline. */
export interface TimelineOf<R> {
  /** The tag in the timeline, at most six characters: `PROC`. */
  readonly type: string;
  /** `process`: the file timeline_process. */
  readonly file: string;
  events(row: R): Iterable<TimelineEvent>;
}

/** A line of general.json or registry.json; `class`, `ver` and `sys` are put before it. */
export type JsonLine = Readonly<Record<string, unknown>>;

export interface JsonOf<R> {
  /** `general`: the stages' lines are joined in one file. */
  readonly file: 'general' | 'registry';
  line(row: R): JsonLine;
}

/** What a stage says while it works. */
export interface StageContext {
  /** How far it is, in its own units (processes, hives). */
  step(done: number, total: number): void;
  /** A part that failed while the stage goes on; shown in the progress. One sentence. */
  note(sentence: string): void;
}

/** A stage of the pass: what it reads, and what becomes of the rows. */
export interface StageOf<R> {
  /** As the progress and the database name it. */
  readonly name: string;
  readonly table: Table<R>;
  /** It shows what the pool scan adds and waits for it; else it runs at once, and again should the scan find processes. */
  readonly waitsForScan: boolean;
  /** The file csv/<csv>.csv. */
  readonly csv?: string;
  /** The text and JSONL of all rows: `findevil/findevil` gives findevil/findevil.txt and .jsonl. For few rows. */
  readonly text?: string;
  readonly json?: JsonOf<R>;
  readonly timeline?: TimelineOf<R>;
  /** The rows, in the order of the files. Undefined is no row but a breath, for work that finds nothing for long. */
  rows(windows: Windows, context: StageContext): Iterable<R | undefined>;
}

/** A row as it is written: rendered by the stage that knows its type. */
export interface Written {
  /** The values of the table's columns. */
  readonly values: readonly SqlValue[];
  readonly csv: string | undefined;
  readonly jsonl: string | undefined;
  readonly json: JsonLine | undefined;
  readonly events: Iterable<TimelineEvent>;
}

/** A stage without its row type, so that stages of all kinds stand in one list. */
export interface Stage {
  readonly name: string;
  readonly table: Table<never>;
  readonly waitsForScan: boolean;
  readonly csv: string | undefined;
  readonly text: string | undefined;
  readonly json: 'general' | 'registry' | undefined;
  readonly timeline: Pick<TimelineOf<never>, 'type' | 'file'> | undefined;
  /** The first line of the CSV. */
  readonly csvHeading: string;
  /** Runs it: rows as they are written, undefined for a breath; returns the whole text of a stage that has one. */
  written(windows: Windows, context: StageContext): Generator<Written | undefined, Uint8Array | undefined>;
}

const NO_EVENTS: readonly TimelineEvent[] = [];

/** Wraps a stage so that the pass needs not know its row type. */
export function stage<R>(of: StageOf<R>): Stage {
  const { table, timeline, json } = of;
  return {
    name: of.name,
    table,
    waitsForScan: of.waitsForScan,
    csv: of.csv,
    text: of.text,
    json: json?.file,
    timeline: timeline === undefined ? undefined : { type: timeline.type, file: timeline.file },
    csvHeading: csvHeading(table),
    * written(windows, context) {
      const kept: R[] = [];
      for (const row of of.rows(windows, context)) {
        if (row === undefined) {
          yield undefined;
          continue;
        }
        if (of.text !== undefined) kept.push(row);
        yield {
          values: sqlValues(table, row),
          csv: of.csv === undefined ? undefined : csvRow(table, row),
          jsonl: of.text === undefined ? undefined : jsonRow(table, row),
          json: json?.line(row),
          events: timeline?.events(row) ?? NO_EVENTS,
        };
      }
      return of.text === undefined ? undefined : textOf(table, kept);
    },
  };
}
