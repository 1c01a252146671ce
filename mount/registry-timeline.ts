import { ARTEFACTS } from '../src/artefacts/artefacts.js';
import { isFiletime } from '../src/bytes/filetime.js';
import { recoverDeleted } from '../src/registry/deleted.js';
import type { HiveSet } from '../src/registry/hive-set.js';
import type { Table } from '../src/vfs/column.js';

/** A point on the timeline of a registry: a key's last write, or a time that an artefact holds. */
export interface RegistryEvent {
  /** FILETIME. */
  readonly time: bigint;
  /** `REG` for keys, else the artefact's tag. */
  readonly type: string;
  readonly action: 'CRE' | 'MOD' | 'RD' | 'DEL' | '---';
  /** The key's path, or what the artefact says. */
  readonly text: string;
}

/** What of a timeline is wanted: from the first time on, up to the second one, which is left out; undefined: without end. */
export interface TimelineScope {
  readonly from?: bigint | undefined;
  readonly to?: bigint | undefined;
  /** Deleted keys too; their text says so. */
  readonly deleted?: boolean | undefined;
}

export const REGISTRY_TIMELINE: Table<RegistryEvent> = {
  name: 'timeline_registry',
  doc: 'When keys were last written, and the times that artefacts hold.',
  heading: 'Time                     Type    Action  What',
  columns: [
    { name: 'time', csv: 'Time', kind: 'time', value: (r) => r.time, text: { width: 23, align: 'left' }, doc: 'when' },
    { name: 'type', csv: 'Type', kind: 'text', value: (r) => r.type, text: { width: 6, align: 'left', lead: '  ' }, doc: 'REG: a key was last written; others: the artefact that holds the time' },
    { name: 'action', csv: 'Action', kind: 'text', value: (r) => r.action, ours: true, text: { width: 6, align: 'left', lead: '  ' }, doc: 'CRE created, MOD modified, RD read, DEL deleted, --- none of these' },
    { name: 'text', csv: 'Text', kind: 'text', value: (r) => r.text, text: { width: 0, align: 'left', lead: '  ' }, doc: 'path of the key, or what the artefact says' },
  ],
};

/** All events, hive by hive and then artefact by artefact. Times that say nothing are left out. */
export function* registryEvents(set: HiveSet, { from = 0n, to, deleted = false }: TimelineScope = {}): Generator<RegistryEvent> {
  const within = (time: bigint): boolean => isFiletime(time) && time >= from && (to === undefined || time < to);
  for (const { registry, mount } of set.hives) {
    for (const key of registry.keys()) {
      const { written } = key;
      if (within(written)) yield { time: written, type: 'REG', action: 'MOD', text: key.path === '' ? mount : `${mount}\\${key.path}` };
    }
    if (!deleted) continue;
    for (const { written, path } of recoverDeleted(registry).keys) {
      if (within(written)) yield { time: written, type: 'REG', action: 'MOD', text: `${mount}\\${path} (deleted)` };
    }
  }
  for (const artefact of ARTEFACTS) {
    yield* artefact.use(function* events({ timeline, rows }) {
      if (timeline === undefined) return;
      for (const row of rows(set)) {
        for (const { time, action, text } of timeline.events(row)) {
          if (time !== undefined && within(time)) yield { time, type: timeline.type, action, text };
        }
      }
    });
  }
}

/** The latest first; events of one time stay in their order. */
export function newestFirst(events: Iterable<RegistryEvent>): readonly RegistryEvent[] {
  return [...events].sort((a, b) => (a.time === b.time ? 0 : a.time > b.time ? -1 : 1));
}

/** The earliest first; events of one time stay in their order. */
export function oldestFirst(events: Iterable<RegistryEvent>): readonly RegistryEvent[] {
  return [...events].sort((a, b) => (a.time === b.time ? 0 : a.time < b.time ? -1 : 1));
}
