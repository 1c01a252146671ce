import { UNIX_EPOCH_FILETIME } from '../src/bytes/filetime.js';
import type { Table } from '../src/vfs/column.js';
import { csvHeading, csvText, jsonText } from '../src/vfs/table.js';
import { safeLine } from '../src/vfs/text.js';
import type { JsonPrefix } from './json.js';
import { OutputFile } from './output.js';
import type { Store } from './store.js';

/** An event as the database keeps it: ISO 8601 time with seven decimals, type, action, PID, two numbers (the second as `0x` and 16 digits), text. */
export type TimelineRow = readonly [time: string, type: string, action: string, pid: number, value32: number, value64: string, text: string];

/** The merged timeline. */
export const TIMELINE: Table<TimelineRow> = {
  name: 'timeline',
  doc: 'What happened when, newest first: from the times of all stages.',
  heading: '',
  columns: [
    { name: 'time', csv: 'Time', kind: 'time', value: ([time]) => filetime(time), doc: 'when' },
    { name: 'type', csv: 'Type', kind: 'text', value: ([, type]) => type, doc: 'what it happened to: PROC, THREAD, Net, REG' },
    { name: 'action', csv: 'Action', kind: 'text', value: ([,, action]) => action, doc: 'CRE created, MOD modified, RD read, DEL deleted or ended, --- none of these' },
    { name: 'pid', csv: 'PID', kind: 'decimal', value: ([,,, pid]) => pid, doc: 'process, 0 when none' },
    { name: 'value32', csv: 'Value32', kind: 'hex', value: ([,,,, value32]) => value32, doc: 'of a process its parent, of a thread its TID' },
    { name: 'value64', csv: 'Value64', kind: 'address', value: ([,,,,, value64]) => BigInt(value64), doc: 'address of the object' },
    { name: 'text', csv: 'Text', kind: 'text', value: ([,,,,,, text]) => text, doc: 'description' },
    { name: 'pad', csv: 'Pad', kind: 'text', value: () => '', doc: 'always empty; kept for readers that expect the column' },
  ],
};

/** FILETIME of ISO 8601 with seven decimals, as `isoTime` writes it. */
function filetime(iso: string): bigint {
  return BigInt(Date.parse(`${iso.slice(0, 19)}Z`)) * 10_000n + UNIX_EPOCH_FILETIME + BigInt(iso.slice(20, 27));
}

// A timeline has as many rows as the registry has keys, and each is written eight times. What the table's own functions
// would write (a test compares) is made from the database's characters here, without a detour over numbers and dates.

/** `2023-02-01 12:12:19 UTC  Net    CRE      6620         0 ffff900a0ac87a00 TCPv4 …` */
export function timelineText([time, type, action, pid, value32, value64, text]: TimelineRow): string {
  return `${time.slice(0, 10)} ${time.slice(11, 19)} UTC  ${type.padEnd(6)} ${action.padEnd(3)}${String(pid).padStart(10)}${String(value32).padStart(10)} `
    + `${value64.slice(2)} ${safeLine(text)}\n`;
}

/** As `csvRow(TIMELINE, row)`. */
export function timelineCsv([time, type, action, pid, value32, value64, text]: TimelineRow): string {
  return `"${time.slice(0, 10)} ${time.slice(11, 19)}",${csvText(type)},${csvText(action)},${pid},0x${value32.toString(16)},${value64.replace(/^0x0+(?=.)/, '0x')},`
    + `${csvText(text)},""\n`;
}

/** As `jsonRow(TIMELINE, row)`. `text` is the row's text as JSON. */
export function timelineJsonl([time, type, action, pid, value32, value64]: TimelineRow, text: string): string {
  return `{"time":"${time}","type":"${type}","action":"${action}","pid":${pid},"value32":${value32},"value64":"${value64}","text":${text},"pad":""}\n`;
}

/** Line of timeline.json: times in whole seconds, as its readers know them. `text` is the row's text as JSON. */
function generalLine(prefix: string, [time, type, action, pid, value32, value64]: TimelineRow, text: string): string {
  return `${prefix},"date":"${time.slice(0, 19)}Z","type":"${type}","action":"${action}","pid":${pid},"num":${value32},"hex":"${value64.replace(/^0x0*(?=.)/, '')}","desc":${text}}\n`;
}

/** The files of one timeline (`process`, `all`), below the work folder. */
export function timelineFiles(file: string): readonly string[] {
  return [`timeline/timeline_${file}.txt`, `csv/timeline_${file}.csv`, `timeline/timeline_${file}.jsonl`];
}

/**
 * Writes a timeline's files, newest first, and events of one time in the order in which they were found.
 * Yields between rows; the files are not in their places yet.
 *
 * @param type the events' type; undefined: all
 * @param json what begins the lines of json/timeline.json; undefined: it is not written
 */
export function* writeTimeline(
  store: Store, folder: string, file: string, type: string | undefined, json?: JsonPrefix,
): Generator<undefined, readonly OutputFile[]> {
  const outputs = [...timelineFiles(file), ...(json === undefined ? [] : ['json/timeline.json'])].map((name) => new OutputFile(folder, name));
  const [text, csv, jsonl, lines] = outputs as [OutputFile, OutputFile, OutputFile, OutputFile | undefined];
  let complete = false;
  try {
    csv.write(csvHeading(TIMELINE));
    const sql = `SELECT time, type, action, pid, value32, value64, text FROM timeline${type === undefined ? '' : ' WHERE type = ?'} ORDER BY time DESC, id`;
    const prefix = jsonText({ class: 'TL', ...json }).slice(0, -1);
    for (const row of store.tuples<TimelineRow>(sql, ...(type === undefined ? [] : [type]))) {
      const quoted = jsonText(row[6]);
      text.write(timelineText(row));
      csv.write(timelineCsv(row));
      jsonl.write(timelineJsonl(row, quoted));
      lines?.write(generalLine(prefix, row, quoted));
      yield undefined;
    }
    for (const output of outputs) output.flush();
    complete = true;
    return outputs;
  } finally {
    if (!complete) for (const output of outputs) output.discard();
  }
}
