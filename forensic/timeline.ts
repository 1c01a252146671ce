import { textTime, UNIX_EPOCH_FILETIME } from '../src/bytes/filetime.js';
import { hex } from '../src/bytes/hex.js';
import type { Table } from '../src/vfs/column.js';
import { csvHeading, csvRow, jsonRow, jsonText } from '../src/vfs/table.js';
import { safeLine } from '../src/vfs/text.js';
import type { SqlRow } from '../native-bindings/sqlite.js';
import { OutputFile } from './output.js';
import type { Store } from './store.js';

interface TimelineRow {
  readonly time: bigint;
  readonly type: string;
  readonly action: string;
  readonly pid: number;
  readonly value32: number;
  readonly value64: bigint;
  readonly text: string;
}

/** The merged timeline. */
export const TIMELINE: Table<TimelineRow> = {
  name: 'timeline',
  doc: 'What happened when, newest first: from the times of all stages.',
  heading: '',
  columns: [
    { name: 'time', csv: 'Time', kind: 'time', value: (row) => row.time, doc: 'when' },
    { name: 'type', csv: 'Type', kind: 'text', value: (row) => row.type, doc: 'what it happened to: PROC, THREAD, Net, REG' },
    { name: 'action', csv: 'Action', kind: 'text', value: (row) => row.action, doc: 'CRE created, MOD modified, RD read, DEL deleted or ended, --- none of these' },
    { name: 'pid', csv: 'PID', kind: 'decimal', value: (row) => row.pid, doc: 'process, 0 when none' },
    { name: 'value32', csv: 'Value32', kind: 'hex', value: (row) => row.value32, doc: 'of a process its parent, of a thread its TID' },
    { name: 'value64', csv: 'Value64', kind: 'address', value: (row) => row.value64, doc: 'address of the object' },
    { name: 'text', csv: 'Text', kind: 'text', value: (row) => row.text, doc: 'description' },
    { name: 'pad', csv: 'Pad', kind: 'text', value: () => '', doc: 'always empty; kept for readers that expect the column' },
  ],
};

/** `2023-02-01 12:12:19 UTC  Net    CRE      6620         0 ffff900a0ac87a00 TCPv4 …` */
function line(row: TimelineRow): string {
  return `${textTime(row.time)}  ${row.type.padEnd(6)} ${row.action.padEnd(3)}${String(row.pid).padStart(10)}${String(row.value32).padStart(10)} `
    + `${hex(row.value64, 16)} ${safeLine(row.text)}\n`;
}

/** FILETIME of ISO 8601 with seven decimals, as `isoTime` writes it. */
function filetime(iso: string): bigint {
  return BigInt(Date.parse(`${iso.slice(0, 19)}Z`)) * 10_000n + UNIX_EPOCH_FILETIME + BigInt(iso.slice(20, 27));
}

function fromSql(row: SqlRow): TimelineRow {
  return {
    time: filetime(String(row['time'])), type: String(row['type']), action: String(row['action']), pid: Number(row['pid']),
    value32: Number(row['value32']), value64: BigInt(String(row['value64'])), text: String(row['text']),
  };
}

/** The files of one timeline (`process`, `all`), below the work folder. */
export function timelineFiles(file: string): readonly string[] {
  return [`timeline/timeline_${file}.txt`, `csv/timeline_${file}.csv`, `timeline/timeline_${file}.jsonl`];
}

/** Line of timeline.json. Times are whole seconds, as its readers know them. */
function jsonLine(prefix: Readonly<Record<string, unknown>>, row: TimelineRow): string {
  const date = new Date(Number((row.time - UNIX_EPOCH_FILETIME) / 10_000n)).toISOString();
  return `${jsonText({
    class: 'TL', ...prefix, date: `${date.slice(0, 19)}Z`, type: row.type, action: row.action, pid: row.pid, num: row.value32,
    hex: hex(row.value64), desc: row.text,
  })}\n`;
}

/**
 * Writes a timeline's files, newest first, and events of one time in the order in which they were found.
 * Yields between rows; the files are not in their places yet.
 *
 * @param type the events' type; undefined: all
 * @param json what begins the lines of json/timeline.json; undefined: it is not written
 */
export function* writeTimeline(
  store: Store, folder: string, file: string, type: string | undefined, json?: Readonly<Record<string, unknown>>,
): Generator<undefined, readonly OutputFile[]> {
  const outputs = [...timelineFiles(file), ...(json === undefined ? [] : ['json/timeline.json'])].map((name) => new OutputFile(folder, name));
  const [text, csv, jsonl, lines] = outputs as [OutputFile, OutputFile, OutputFile, OutputFile | undefined];
  let complete = false;
  try {
    csv.write(csvHeading(TIMELINE));
    const sql = `SELECT time, type, action, pid, value32, value64, text FROM timeline${type === undefined ? '' : ' WHERE type = ?'} ORDER BY time DESC, id`;
    for (const found of type === undefined ? store.rows(sql) : store.rows(sql, type)) {
      const row = fromSql(found);
      text.write(line(row));
      csv.write(csvRow(TIMELINE, row));
      jsonl.write(jsonRow(TIMELINE, row));
      if (lines !== undefined && json !== undefined) lines.write(jsonLine(json, row));
      yield undefined;
    }
    for (const output of outputs) output.flush();
    complete = true;
    return outputs;
  } finally {
    if (!complete) for (const output of outputs) output.discard();
  }
}
