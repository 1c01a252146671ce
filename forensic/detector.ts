import type { Anomalies } from '../src/bytes/anomaly.js';
import type { Process } from '../src/windows/process.js';
import type { Windows } from '../src/windows/windows.js';

/** What a detector found. */
export interface Evidence {
  readonly process: Process;
  /** Where it is; 0n when it is no place. */
  readonly address: bigint;
  /** What an analyst reads beside it; may be empty. */
  readonly description: string;
}

/** A rule that finds one kind of evil. */
export interface Detector {
  /** `PE_INJECT` */
  readonly type: string;
  /** Greater is worse. The order of findings; the numbers are those of MemProcFS. */
  readonly severity: number;
  /** One sentence: what a finding means. */
  readonly meaning: string;
  /** The findings. Undefined is a breath. */
  find(windows: Windows): Iterable<Evidence | undefined>;
}

/** The processes whose own memory is looked into: alive, with a user part. */
export function* userProcesses(windows: Windows): Generator<Process> {
  for (const process of windows.processes()) {
    if (!process.terminated && process.facts.peb !== undefined) yield process;
  }
}

/** The process that created this one; undefined when it is gone, or a younger process has its PID now. */
export function parentOf(windows: Windows, child: Process): Process | undefined {
  let parent: Process | undefined;
  for (const process of windows.processes()) {
    if (process.pid !== child.ppid || process === child) continue;
    const older = child.created === undefined || process.created === undefined || process.created <= child.created;
    if (older && (parent?.created ?? -1n) <= (process.created ?? 0n)) parent = process;
  }
  return parent;
}

/**
 * A list of the image could not be followed to its end: what it does not name may stand in the part that is lost, and
 * its absence proves nothing.
 * @param place the beginning of the place's name in the anomalies
 */
export function isTorn(anomalies: Anomalies, place: string): boolean {
  return anomalies.list.some(({ where }) => where.startsWith(place));
}
