import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { jsonText } from '../src/vfs/table.js';
import type { Windows } from '../src/windows/windows.js';
import { OutputFile } from './output.js';
import type { JsonLine } from './stage.js';

/** What stands in every line of the JSON files: our version and the system they are of. */
export interface JsonPrefix {
  readonly ver: string;
  readonly sys: string;
}

/** Names one boot of one machine: `19041_3564a6c6`. */
export function systemTag({ system, kernel }: Windows): string {
  const facts = [system.computerName, system.bootTime, system.captureTime, kernel.facts.base, kernel.facts.symbolFile].join('\n');
  return `${system.build ?? kernel.profile.build}_${createHash('sha256').update(facts).digest('hex').slice(0, 8)}`;
}

/** @param kind `GEN` for general.json, `REG` for registry.json */
export function jsonLine(kind: 'GEN' | 'REG', prefix: JsonPrefix, line: JsonLine): string {
  return `${jsonText({ class: kind, ...prefix, ...line })}\n`;
}

/** Where a stage's lines of general.json wait until all stages have ended. */
export function generalPart(stage: string): string {
  return `parts/general-${stage}.jsonl`;
}

/** Joins the stages' lines to json/general.json; the file is not in its place yet. Yields between chunks. */
export function* writeGeneral(folder: string, stages: readonly string[]): Generator<undefined, readonly OutputFile[]> {
  const output = new OutputFile(folder, 'json/general.json');
  let complete = false;
  try {
    const chunk = Buffer.alloc(1 << 20);
    for (const path of stages.map((stage) => join(folder, generalPart(stage))).filter((part) => existsSync(part))) {
      const fd = openSync(path, 'r');
      try {
        for (let got = readSync(fd, chunk); got > 0; got = readSync(fd, chunk)) {
          output.writeBytes(chunk.subarray(0, got));
          yield undefined;
        }
      } finally {
        closeSync(fd);
      }
    }
    complete = true;
    return [output];
  } finally {
    if (!complete) output.discard();
  }
}
