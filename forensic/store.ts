import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import type { Anomaly } from '../src/bytes/anomaly.js';
import { isoTime } from '../src/bytes/filetime.js';
import { hex } from '../src/bytes/hex.js';
import { isSqliteComplaint, openDatabase, reserveDatabase, SqliteFailure, type Database, type SqlRow, type SqlValue, type Statement } from '../native-bindings/sqlite.js';
import { createTable, deleteFrom, insertInto } from './schema.js';
import type { Stage, TimelineEvent } from './stage.js';

/** `cut`: it ran longer than its budget. A stage that is not `done` has no rows. */
export type StageState = 'pending' | 'running' | 'done' | 'failed' | 'cut';

export interface StageRecord {
  readonly state: StageState;
  readonly rows: number;
  /** It ran on the model that the pool scan had joined. */
  readonly joined: boolean;
  readonly failure: string | undefined;
}

/** What makes a database of an earlier pass usable: the same image, the same version of us. */
export interface Identity {
  readonly image: string;
  readonly version: string;
}

/** Rows a transaction. */
export const BATCH = 5000;
/** `memlens` in the database header's application id. */
const APPLICATION_ID = 0x6d6c656e;
const SCHEMA_VERSION = 3;

const OWN_TABLES = `
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT) STRICT;
CREATE TABLE stage (name TEXT PRIMARY KEY, state TEXT NOT NULL, rows INTEGER NOT NULL, joined INTEGER NOT NULL, failure TEXT) STRICT;
CREATE TABLE anomaly (stage TEXT NOT NULL, place TEXT NOT NULL, what TEXT NOT NULL, address TEXT) STRICT;
CREATE TABLE timeline (id INTEGER PRIMARY KEY, time TEXT NOT NULL, type TEXT NOT NULL, action TEXT NOT NULL, pid INTEGER NOT NULL,
  value32 INTEGER NOT NULL, value64 TEXT NOT NULL, text TEXT NOT NULL) STRICT;
`;

const PENDING: StageRecord = { state: 'pending', rows: 0, joined: false, failure: undefined };

function configureForWriting(database: Database): void {
  database.pragma('journal_mode = WAL');
  // All of it can be made again: a power cut may cost the file, never the answer.
  database.pragma('synchronous = OFF');
  database.pragma('cache_size = -16000');
  database.pragma('temp_store = FILE');
}

/**
 * The pass's database. One writer. A stage's rows are written in transactions of thousands; the one that writes the last of
 * them also marks the stage as done, and what a killed pass left of a stage is removed at the next opening: a stage is there or it is not.
 */
export class Store {
  readonly #records = new Map<string, StageRecord>();
  readonly #setRecord: Statement;
  #writing = false;

  private constructor(private readonly database: Database, private readonly stages: readonly Stage[], private readonly steps: readonly string[]) {
    this.#setRecord = database.prepare('INSERT OR REPLACE INTO stage VALUES (?, ?, ?, ?, ?)');
    for (const row of database.prepare('SELECT * FROM stage').rows()) {
      this.#records.set(String(row['name']), {
        state: row['state'] as StageState, rows: Number(row['rows']), joined: row['joined'] === 1, failure: row['failure'] as string | undefined,
      });
    }
    this.#cleanUp();
  }

  /**
   * Opens the database at `path`, or makes a new one when there is none, or it is of another image or version, or damaged.
   * @param steps names of steps without a table, which have a state too
   * @throws SqliteFailure with `busy` when another pass has it
   */
  static open(path: string, stages: readonly Stage[], steps: readonly string[], identity: Identity): Store {
    const schema = OWN_TABLES + stages.map(({ table }) => createTable(table)).join('');
    const facts = {
      image: identity.image, version: identity.version,
      schema: createHash('sha256').update(schema).digest('hex').slice(0, 16),
    };
    const known = Store.#usable(path, facts);
    if (known !== undefined) return new Store(known, stages, steps);
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(path + suffix, { force: true });
    const database = openDatabase(path, { exclusive: true });
    configureForWriting(database);
    database.exec(`BEGIN;${schema}`);
    for (const [key, value] of Object.entries(facts)) database.prepare('INSERT INTO about VALUES (?, ?)').run(key, value);
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
    return new Store(database, stages, steps);
  }

  static #usable(path: string, facts: Readonly<Record<string, string>>): Database | undefined {
    let database: Database | undefined;
    try {
      database = openDatabase(path, { exclusive: true });
      const fits = database.pragma('application_id') === APPLICATION_ID && database.pragma('user_version') === SCHEMA_VERSION
        && Object.entries(facts).every(([key, value]) => database?.prepare('SELECT value FROM about WHERE key = ?').get(key)?.['value'] === value)
        && database.pragma('quick_check(1)') === 'ok';
      if (fits) return database;
    } catch (error) {
      // A damaged database is made anew: all of it comes from the image.
      if (error instanceof SqliteFailure && error.busy) throw error;
      if (!isSqliteComplaint(error)) throw error;
    }
    database?.close();
    return undefined;
  }

  record(name: string): StageRecord {
    return this.#records.get(name) ?? PENDING;
  }

  /** The anomalies that came up while the stages that are done ran, in the order they were found. */
  anomalies(): Anomaly[] {
    return [...this.rows('SELECT place, what, address FROM anomaly ORDER BY rowid')].map(({ place, what, address }) => ({
      where: String(place), what: String(what), address: address === undefined ? undefined : BigInt(String(address)),
    }));
  }

  /** A finished database is only read, and stays as it is until something is to be written. */
  #beginWriting(): void {
    if (this.#writing) return;
    this.#writing = true;
    configureForWriting(this.database);
  }

  #set(name: string, record: StageRecord): void {
    this.#setRecord.run(name, record.state, record.rows, record.joined ? 1 : 0, record.failure);
    this.#records.set(name, record);
  }

  /** Sets the state of a step that has no rows. */
  mark(name: string, record: Partial<StageRecord> & Pick<StageRecord, 'state'>): void {
    this.#beginWriting();
    this.#set(name, { ...PENDING, ...record });
  }

  #cleanUp(): void {
    for (const [name, record] of [...this.#records]) {
      if (record.state === 'done') continue;
      const stage = this.stages.find((one) => one.name === name);
      if (stage !== undefined) this.clear(stage, PENDING);
      else this.mark(name, PENDING);
    }
  }

  /** Removes a stage's rows and events and sets its state, in one transaction. */
  clear(stage: Stage, record: StageRecord): void {
    if (this.database.inTransaction) this.database.exec('ROLLBACK');
    this.#beginWriting();
    this.database.exec('BEGIN IMMEDIATE');
    this.database.exec(deleteFrom(stage.table));
    this.database.prepare('DELETE FROM anomaly WHERE stage = ?').run(stage.name);
    if (stage.timeline !== undefined) this.database.prepare('DELETE FROM timeline WHERE type = ?').run(stage.timeline.type);
    this.#set(stage.name, record);
    // What is made from all stages is stale now.
    for (const step of this.steps) this.#set(step, PENDING);
    this.database.exec('COMMIT');
  }

  /** Begins a stage: what it wrote before is removed. */
  writer(stage: Stage): StageWriter {
    this.clear(stage, { ...PENDING, state: 'running' });
    return new StageWriter(this.database, stage, (record) => this.#set(stage.name, record));
  }

  /** Rows of a query, one by one. */
  rows(sql: string, ...values: readonly SqlValue[]): Iterable<SqlRow> {
    return this.database.prepare(sql).rows(...values);
  }

  /** The same as arrays by the columns' order; none of their values may be absent. */
  tuples<T extends readonly SqlValue[]>(sql: string, ...values: readonly SqlValue[]): Iterable<T> {
    return this.database.prepare(sql).tuples<T>(...values);
  }

  /** Bytes that a copy would have. */
  size(): number {
    return Number(this.database.pragma('page_count') ?? 0) * Number(this.database.pragma('page_size') ?? 0);
  }

  /** Writes a copy that needs no write-ahead log to read, so that SQLite opens it on a read-only file system. */
  copyTo(path: string): void {
    rmSync(path, { force: true });
    reserveDatabase(path);
    this.database.prepare('VACUUM INTO ?').run(path);
  }

  /** Ends the write-ahead log and closes: from here on the file itself can be read anywhere. */
  finish(): void {
    if (this.#writing) {
      if (this.database.inTransaction) this.database.exec('ROLLBACK');
      this.database.pragma('wal_checkpoint(TRUNCATE)');
      this.database.pragma('journal_mode = DELETE');
    }
    this.database.close();
  }

  /** Closes; what is not done stays to be done. */
  close(): void {
    if (this.database.inTransaction) this.database.exec('ROLLBACK');
    this.database.close();
  }
}

/** Writes the rows of one run of a stage. */
export class StageWriter {
  readonly #insert: Statement;
  readonly #event: Statement;
  #inBatch = 0;
  rows = 0;

  constructor(private readonly database: Database, private readonly stage: Stage, private readonly set: (record: StageRecord) => void) {
    this.#insert = database.prepare(insertInto(stage.table));
    this.#event = database.prepare('INSERT INTO timeline (time, type, action, pid, value32, value64, text) VALUES (?, ?, ?, ?, ?, ?, ?)');
  }

  insert(values: readonly SqlValue[]): void {
    this.#open();
    this.#insert.run(...values);
    this.rows += 1;
  }

  event(event: TimelineEvent): void {
    const time = isoTime(event.time);
    if (time === undefined) return;
    this.#open();
    this.#event.run(time, this.stage.timeline?.type, event.action, event.pid, event.value32, `0x${hex(event.value64, 16)}`, event.text);
  }

  #open(): void {
    if (this.#inBatch >= BATCH) this.#commit();
    if (!this.database.inTransaction) this.database.exec('BEGIN IMMEDIATE');
    this.#inBatch += 1;
  }

  #commit(): void {
    if (this.database.inTransaction) this.database.exec('COMMIT');
    this.#inBatch = 0;
  }

  /** The last transaction: the rows that remain, what was noticed meanwhile, and the mark that the stage is done. */
  done(joined: boolean, noticed: readonly Anomaly[]): void {
    if (!this.database.inTransaction) this.database.exec('BEGIN IMMEDIATE');
    const keep = this.database.prepare('INSERT INTO anomaly VALUES (?, ?, ?, ?)');
    for (const { where, what, address } of noticed) keep.run(this.stage.name, where, what, address === undefined ? undefined : `0x${hex(address, 16)}`);
    this.set({ state: 'done', rows: this.rows, joined, failure: undefined });
    this.#commit();
  }
}
