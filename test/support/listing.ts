import type { Windows } from '../../src/windows/windows.js';
import type { Machine } from './machine.js';

/** What a machine runs, as sorted lines that two sides can be compared by. */
export interface Listing {
  /** `pid ppid name dtb` */
  readonly processes: readonly string[];
  /** `pid base pages name` */
  readonly modules: readonly string[];
  /** `pid start-end protection image|mapped|private file` */
  readonly vads: readonly string[];
  /** `pid handle type object` */
  readonly handles: readonly string[];
  /** `pid tid` */
  readonly threads: readonly string[];
  /** `pid user` */
  readonly tokens: readonly string[];
  /** `base pages name`: the loaded kernel modules. */
  readonly drivers: readonly string[];
  /** `directory\name start` */
  readonly driverObjects: readonly string[];
}

export const LISTED = ['processes', 'modules', 'vads', 'handles', 'threads', 'tokens', 'drivers', 'driverObjects'] as const satisfies readonly (keyof Listing)[];

const hex = (value: bigint): string => value.toString(16);
const IMAGE_MAP = 2;

/** What was written into a machine. */
export function written(made: Machine): Listing {
  const specs = [...made.processes.values()];
  const running = specs.filter(({ spec }) => spec.exited === undefined);
  const type = (handle: NonNullable<(typeof specs)[number]['spec']['handles']>[number]): string => ('pid' in handle ? 'Process' : 'type' in handle ? handle.type : '?');
  return sorted({
    processes: specs.map(({ spec, space }) => `${spec.pid} ${spec.ppid ?? (spec.pid === 4 ? 0 : 4)} ${spec.name.slice(0, 14)} ${space.dtb.toString(16)}`),
    modules: running.flatMap(({ spec }) => (spec.modules ?? []).map(({ base, pages, name }) => `${spec.pid} ${hex(base)} ${pages} ${name}`)),
    vads: running.flatMap(({ spec: { pid }, vads }) => vads.map(({ spec: { start, pages, protection = 4, type: kind, file } }) => {
      const what = kind === IMAGE_MAP ? 'image' : file === undefined ? 'private' : 'mapped';
      return `${pid} ${hex(start)}-${hex(start + BigInt(pages * 4096) - 1n)} ${protection} ${what} ${file ?? ''}`;
    })),
    handles: running.flatMap(({ spec }) => (spec.handles ?? []).map((handle, i) => `${spec.pid} ${handle.value ?? (i + 1) * 4} ${type(handle)}`)),
    threads: running.flatMap(({ spec }) => (spec.threads ?? []).map(({ tid }) => `${spec.pid} ${tid}`)),
    tokens: running.flatMap(({ spec }) => (spec.token === undefined ? [] : [`${spec.pid} ${spec.token.user}`])),
    drivers: made.drivers.map(({ base, pages, name }) => `${hex(base)} ${pages} ${name}`),
    driverObjects: made.driverObjects.map(({ name, start }) => `${name} ${hex(start)}`),
  });
}

/** What the model lists of an image. */
export function listed(windows: Windows): Listing {
  const all = [...windows.processes()];
  // System's modules are the drivers; none of its own are made.
  const running = all.filter(({ terminated }) => !terminated);
  const users = running.filter(({ pid }) => pid !== 4);
  return sorted({
    processes: all.map(({ pid, ppid, facts }) => `${pid} ${ppid} ${facts.shortName.slice(0, 14)} ${facts.dtb.toString(16)}`),
    modules: users.flatMap((process) => process.modules().map(({ base, size, name }) => `${process.pid} ${hex(base)} ${size / 4096} ${name}`)),
    vads: running.flatMap((process) => process.vads().map((vad) =>
      `${process.pid} ${hex(vad.start)}-${hex(vad.end)} ${vad.protection} ${vad.image ? 'image' : vad.private ? 'private' : 'mapped'} ${vad.file ?? ''}`)),
    handles: running.flatMap((process) => process.handles().map(({ value, type }) => `${process.pid} ${value} ${type}`)),
    threads: running.flatMap((process) => process.threads().map(({ tid }) => `${process.pid} ${tid}`)),
    tokens: running.flatMap((process) => {
      const token = process.token();
      return token === undefined ? [] : [`${process.pid} ${token.userSid}`];
    }),
    drivers: (all.find(({ pid }) => pid === 4)?.modules() ?? []).map(({ base, size, name }) => `${hex(base)} ${size / 4096} ${name}`),
    driverObjects: windows.drivers().map(({ name, start }) => `${name} ${hex(start)}`),
  });
}

function sorted(listing: Listing): Listing {
  return Object.fromEntries(Object.entries(listing).map(([name, lines]) => [name, [...lines as string[]].sort()])) as unknown as Listing;
}

/** The lines of one kind that were written and are not listed. VADs count by their range: what else is said of them may need symbols. */
export function recallOf(expected: Listing, found: Listing, kind: keyof Listing): readonly string[] {
  const key = (line: string): string => (kind === 'vads' ? line.split(' ').slice(0, 2).join(' ') : line);
  const known = new Set(found[kind].map(key));
  return expected[kind].filter((line) => !known.has(key(line)));
}
