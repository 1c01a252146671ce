import { isoTime } from '../../src/bytes/filetime.js';
import type { Key } from '../../src/registry/key.js';
import { dataText } from '../../src/registry/value-type.js';
import type { Value } from '../../src/registry/value.js';
import { mountName } from '../../src/windows/hive-set.js';
import type { Hive } from '../../src/windows/hive.js';
import { mountPath } from '../../src/windows/registry-path.js';
import type { Table } from '../../src/vfs/column.js';
import { stage, type TimelineEvent } from '../stage.js';

/** A key, or one of its values. */
interface RegistryRow {
  readonly hive: Hive;
  /** `HKLM\SYSTEM\ControlSet001\Services` */
  readonly path: string;
  readonly key: Key;
  readonly value: Value | undefined;
  /** The value's data as text, cut. */
  readonly text: string | undefined;
}

/** Bytes of a value that the table keeps; the whole is in the registry's own files. */
const MAX_DATA = 4096;
const WRITTEN_FIRST = 116_444_736_000_000_000n;

/** `HKLM\SYSTEM`, `HKU\S-1-5-…`; a hive that is mounted elsewhere keeps its own name. */
function rootName(hive: Hive): string {
  return mountName(mountPath(hive) ?? hive.name).replace(/^\\/, '');
}

function valueText(value: Value): string | undefined {
  const data = value.data();
  return data === undefined ? undefined : dataText(value.type, data.length > MAX_DATA ? data.subarray(0, MAX_DATA) : data);
}

const REGISTRY: Table<RegistryRow> = {
  name: 'registry',
  doc: 'The keys of all hives in memory, each followed by its values.',
  heading: '',
  columns: [
    { name: 'hive', kind: 'address', value: (r) => r.hive.address, doc: 'address of the CMHIVE' },
    { name: 'key', kind: 'text', value: (r) => r.path, doc: 'path of the key' },
    { name: 'cell', kind: 'hex', value: (r) => (r.value ?? r.key).cell, doc: 'cell index of the key or value' },
    { name: 'last_write', kind: 'time', value: (r) => (r.value === undefined ? r.key.written : undefined), doc: 'last write of a key' },
    { name: 'value', kind: 'text', value: (r) => r.value?.name, doc: 'name of a value, empty for the default one; absent for a key' },
    { name: 'type', kind: 'text', value: (r) => r.value?.typeName, doc: 'type of a value' },
    { name: 'size', kind: 'decimal', value: (r) => r.value?.length, doc: 'bytes of a value' },
    { name: 'data', kind: 'text', value: (r) => r.text, doc: 'data of a value as text, cut after 4096 bytes; absent when it is not in the image' },
  ],
};

function* events({ path, key, value }: RegistryRow): Generator<TimelineEvent> {
  // Keys of a freshly made hive carry times before 1970, which say nothing.
  if (value === undefined && key.written > WRITTEN_FIRST) yield { time: key.written, action: 'MOD', pid: 0, value32: 0, value64: 0n, text: path };
}

const seconds = (time: bigint): string => `${(isoTime(time) ?? '1601-01-01T00:00:00').slice(0, 19)}Z`;

export const registryStage = stage<RegistryRow>({
  name: 'registry',
  table: REGISTRY,
  waitsForScan: true,
  timeline: { type: 'REG', file: 'registry', events },
  json: { file: 'registry', line: ({ path, key, value, text }) => (value === undefined
    ? { key: path, type: 'key', lastwrite: seconds(key.written) }
    : { key: path, type: 'value', value: { name: value.name, type: value.typeName, size: value.length, data: text } }) },
  * rows(windows, { step }) {
    const hives = windows.hives();
    for (const [done, hive] of hives.entries()) {
      step(done, hives.length);
      const root = rootName(hive);
      for (const key of hive.registry.keys()) {
        const path = key.path === '' ? root : `${root}\\${key.path}`;
        yield { hive, path, key, value: undefined, text: undefined };
        for (const value of key.values()) yield { hive, path, key, value, text: valueText(value) };
      }
    }
  },
});
