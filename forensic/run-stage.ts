import type { Anomaly } from '../src/bytes/anomaly.js';
import type { Windows } from '../src/windows/windows.js';
import { generalPart, jsonLine, type JsonPrefix } from './json.js';
import { OutputFile } from './output.js';
import type { Stage, StageContext } from './stage.js';
import type { Store } from './store.js';
import { timelineFiles, writeTimeline } from './timeline.js';

/** The files that a stage leaves in the work folder. */
export function stageFiles(stage: Stage): readonly string[] {
  return [
    ...(stage.csv === undefined ? [] : [`csv/${stage.csv}.csv`]),
    ...(stage.text === undefined ? [] : [`${stage.text}.txt`, `${stage.text}.jsonl`]),
    ...(stage.json === 'general' ? [generalPart(stage.name)] : []),
    ...(stage.json === 'registry' ? ['json/registry.json'] : []),
    ...(stage.timeline === undefined ? [] : timelineFiles(stage.timeline.file)),
  ];
}

/** What a run of a stage needs besides the stage. */
export interface RunContext extends StageContext {
  readonly store: Store;
  readonly folder: string;
  readonly prefix: JsonPrefix;
  /** The model that is read has what the pool scan found. */
  readonly joined: boolean;
  /** The anomalies that no earlier stage has kept. */
  noticed(): readonly Anomaly[];
  /** Rows so far. */
  wrote(rows: number): void;
}

/** More rows than any real machine gives; a hostile image could fill the disk. */
const MAX_ROWS = 20_000_000;

/**
 * Runs a stage: rows to the database and its files. Yields after each row, so that the pass can stop it; when it is stopped, nothing
 * of it remains but the mark `running`. Returns the names of the files, which are in their places then.
 */
export function* runStage(stage: Stage, windows: Windows, context: RunContext): Generator<undefined, readonly string[]> {
  const { store, folder, prefix } = context;
  const outputs: OutputFile[] = [];
  const output = (name: string): OutputFile => {
    const file = new OutputFile(folder, name);
    outputs.push(file);
    return file;
  };
  try {
    const csv = stage.csv === undefined ? undefined : output(`csv/${stage.csv}.csv`);
    const text = stage.text === undefined ? undefined : output(`${stage.text}.txt`);
    const jsonl = stage.text === undefined ? undefined : output(`${stage.text}.jsonl`);
    const json = stage.json === undefined ? undefined : output(stage.json === 'general' ? generalPart(stage.name) : 'json/registry.json');
    const kind = stage.json === 'registry' ? 'REG' : 'GEN';
    csv?.write(stage.csvHeading);
    const writer = store.writer(stage);
    const rows = stage.written(windows, context);
    let next = rows.next();
    for (; next.done !== true; next = rows.next()) {
      const row = next.value;
      if (row !== undefined) {
        writer.insert(row.values);
        for (const event of row.events) writer.event(event);
        if (row.csv !== undefined) csv?.write(row.csv);
        if (row.jsonl !== undefined) jsonl?.write(row.jsonl);
        if (row.json !== undefined) json?.write(jsonLine(kind, prefix, row.json));
        context.wrote(writer.rows);
        if (writer.rows > MAX_ROWS) throw new Error(`it was stopped after ${MAX_ROWS} rows`);
      }
      yield undefined;
    }
    if (next.value !== undefined) text?.writeBytes(next.value);
    for (const file of outputs) file.flush();
    if (stage.timeline !== undefined) {
      outputs.push(...yield* writeTimeline(store, folder, stage.timeline.file, stage.timeline.type));
    }
    writer.done(context.joined, context.noticed());
    for (const file of outputs) file.commit();
    return outputs.map(({ name }) => name);
  } finally {
    for (const file of outputs) file.discard();
  }
}
