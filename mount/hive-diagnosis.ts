import { basename } from 'node:path';
import { isoTime, textTime } from '../src/bytes/filetime.js';
import { safeLine } from '../src/vfs/text.js';
import type { FileHiveSet } from './open-hives.js';

/** Anomalies that are said here; anomalies.txt has all. */
const SHOWN = 32;

/** What is said of a hive file. */
interface HiveFacts {
  readonly file: string;
  readonly size: number;
  readonly kind: string;
  readonly mount: string;
  readonly user: string | undefined;
  /** The path in the base block, as far as it has room. */
  readonly fileName: string;
  readonly version: string;
  /** ISO 8601. */
  readonly written: string | undefined;
  readonly writtenText: string;
  /** The two sequence numbers of the base block, after the logs. */
  readonly sequence: readonly [number, number];
  readonly checksum: 'fits' | 'does not fit';
  readonly dirty: boolean;
  /** The same with what became of it. */
  readonly state: string;
  readonly logs: readonly string[];
  /** What was done with the logs. */
  readonly recovery: readonly string[];
}

export interface HiveDiagnosis {
  readonly hives: readonly HiveFacts[];
  readonly refused: readonly { readonly file: string; readonly why: string }[];
  /** What was noticed so far. */
  readonly degraded: readonly string[];
  readonly next: readonly string[];
}

/** What is known of hive files without walking them. */
export function hiveDiagnosis(set: FileHiveSet): HiveDiagnosis {
  const next: string[] = [];
  const degraded: string[] = [];
  const hives = set.hives.map(({ header, file, kind, mount, user, registry }): HiveFacts => {
    const name = basename(file.path);
    if (registry.root() === undefined) degraded.push(`${name} has no root key that can be read: of its keys nothing is shown but what is recovered under registry/by-hive`);
    if (file.dirty && file.notes === undefined) {
      degraded.push(`${name} is dirty and shows an older state: its logs are left alone, as --no-logs says`);
      next.push(`open ${name} without --no-logs`);
    } else if (file.dirty && file.pages === 0) {
      degraded.push(`${name} is dirty and shows an older state: ${file.logs.length === 0 ? 'there is no transaction log beside it' : 'none of its transaction logs could be applied'}`);
      if (file.logs.length === 0) next.push(`put ${name}.LOG1 and ${name}.LOG2 of the same machine beside ${name}`);
    }
    return {
      file: file.path, size: file.bytes.byteLength, kind, mount, user, fileName: header.fileName, version: `${header.major}.${header.minor}`,
      written: isoTime(header.written), writtenText: textTime(header.written).trim(), sequence: [header.sequence1, header.sequence2],
      checksum: header.intact ? 'fits' : 'does not fit', dirty: file.dirty, state: !file.dirty ? 'clean' : file.pages > 0 ? 'was dirty, and is as its logs say' : 'dirty: its last write was not completed', logs: file.logs,
      recovery: file.notes ?? ['logs are left alone (--no-logs)'],
    };
  });
  for (const { path, why } of set.refused) degraded.push(`${basename(path)} is left out: ${why}`);
  for (const { where, what } of set.noticed.filter((one) => !one.what.startsWith('the hive is dirty')).slice(0, SHOWN)) degraded.push(`${where.replace(/^hive /, '')}: ${what}`);
  return { hives, refused: set.refused.map(({ path, why }) => ({ file: path, why })), degraded, next };
}

/** The text of diagnose.txt over hive files: one fact a line. */
export function hiveDiagnosisText({ hives, degraded, next }: HiveDiagnosis): string {
  const lines = hives.flatMap((hive) => [
    'HIVE',
    `  file       ${hive.file}`,
    `  size       ${hive.size} bytes`,
    `  kind       ${hive.kind}, format ${hive.version}`,
    `  shown as   ${hive.mount}${hive.user === undefined ? '' : ` (${hive.user})`}`,
    `  name       ${hive.fileName || '(the base block names none)'}`,
    `  written    ${hive.written === undefined ? '(the base block says no time)' : hive.writtenText}`,
    `  state      ${hive.state}; sequence numbers ${hive.sequence.join(' and ')}, checksum ${hive.checksum}`,
    ...hive.logs.map((log, i) => `  log ${i + 1}      ${log}`),
    ...hive.recovery.map((line) => `  recovery   ${line}`),
    '',
  ]);
  lines.push('DEGRADED', ...(degraded.length === 0 ? ['  nothing'] : degraded.map((line) => `  ${line}`)), '  anomalies.txt reads all keys and values and says where the hives contradict themselves');
  if (next.length > 0) lines.push('', 'WHAT TO TRY', ...next.map((line) => `  ${line}`));
  return `${lines.map(safeLine).join('\n')}\n`;
}
