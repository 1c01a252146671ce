import { Anomalies } from '../bytes/anomaly.js';
import type { BaseBlock } from './base-block.js';
import { openHiveFile } from './hive-file.js';
import type { RegistryHive } from './hive.js';
import { applyLogs, isDirty } from './transaction-log.js';

export interface OpenHiveOptions {
  /** Transaction logs to apply to a dirty hive. */
  readonly logs?: readonly Buffer[] | undefined;
  /** The place named in anomalies. */
  readonly where?: string | undefined;
  readonly anomalies?: Anomalies | undefined;
}

export interface OpenedHive {
  readonly hive: RegistryHive;
  readonly header: BaseBlock;
  readonly anomalies: Anomalies;
}

/**
 * Opens the bytes of a hive file; with logs, as it is after them. A base block that only the logs hold is taken from there.
 * What was done with the logs, and what not, is said by anomalies. The bytes must not change while the hive is used.
 * @throws FormatError when they are no hive
 */
export function openHive(bytes: Buffer, { logs = [], where = 'hive', anomalies = new Anomalies() }: OpenHiveOptions = {}): OpenedHive {
  const { bytes: applied, notes } = logs.length > 0 && isDirty(bytes) ? applyLogs(bytes, logs) : { bytes, notes: [] };
  for (const note of notes) anomalies.add(where, note);
  const { header, hive } = openHiveFile(applied, where, anomalies);
  return { header, hive, anomalies };
}
