import { walk } from '../bytes/walk.js';
import { big, list, number, optional, place, struct, unicode, type RecordOf } from '../profile/struct.js';
import type { Process } from './process.js';
import type { UserHalf } from './wow64.js';

const PEB = struct('_PEB', { loader: big('Ldr') });

const LOADER = struct('_PEB_LDR_DATA', {
  load: place('InLoadOrderModuleList'),
  memory: place('InMemoryOrderModuleList'),
  initialization: place('InInitializationOrderModuleList'),
  loadList: list('InLoadOrderModuleList'),
  memoryList: list('InMemoryOrderModuleList'),
  initializationList: list('InInitializationOrderModuleList'),
});

const ENTRY = struct('_LDR_DATA_TABLE_ENTRY', {
  load: list('InLoadOrderLinks'),
  memory: list('InMemoryOrderLinks'),
  initialization: list('InInitializationOrderLinks'),
  base: big('DllBase'),
  entry: big('EntryPoint'),
  size: number('SizeOfImage'),
  path: unicode('FullDllName'),
  name: unicode('BaseDllName'),
  loaded: optional(big('LoadTime')),
});

/** The loader's three lists: by the order of loading, of memory, and of initialization. */
export const ORDERS = ['load', 'memory', 'initialization'] as const;
export type Order = (typeof ORDERS)[number];

/** What is read of a loader's entry. */
export type LoaderRecord = Pick<RecordOf<typeof ENTRY>, 'base' | 'entry' | 'size' | 'path' | 'name' | 'loaded'>;

/** A loader's entry. Corresponds to `_LDR_DATA_TABLE_ENTRY`. */
export interface LoaderEntry {
  readonly address: bigint;
  readonly record: LoaderRecord;
  /** The lists that name it. */
  readonly lists: ReadonlySet<Order>;
}

/** No process loads as many; a loop of distinct fakes ends here. */
const MAX_ENTRIES = 4096;

interface Known {
  readonly address: bigint;
  readonly record: RecordOf<typeof ENTRY>;
  readonly lists: Set<Order>;
}

/**
 * The entries of the three lists of one half, each once: in load order, then what only the other two name. A list that does not close is
 * also followed from its end. Empty when the PEB or the loader's data are not in the image.
 */
export function loaderEntries(process: Process, half: UserHalf): readonly LoaderEntry[] {
  const loader = half.read(PEB, half.peb)?.loader;
  const heads = loader === undefined || loader === 0n ? undefined : half.read(LOADER, loader);
  if (heads === undefined) return [];
  const known = new Map<bigint, Known>();
  for (const order of ORDERS) {
    const { flink, blink } = heads[`${order}List`];
    const closed = follow(process, half, order, 'flink', flink, heads[order], known);
    if (!closed) follow(process, half, order, 'blink', blink, heads[order], known);
  }
  return [...known.values()];
}

/** Follows one list in one direction and notes its entries. Answers whether it came back to its head. */
function follow(
  process: Process, half: UserHalf, order: Order, direction: 'flink' | 'blink', first: bigint, head: bigint, known: Map<bigint, Known>,
): boolean {
  const offset = BigInt(half.reader(ENTRY).offset(order) ?? 0);
  const where = `${process.where} ${half.wow64 ? '32-bit ' : ''}modules in ${order} order`;
  let closed = false;
  const entries = walk([first], (link) => link, (link) => {
    const address = link - offset;
    // Most are in all three lists: they are read once.
    const seen = known.get(address);
    const record = seen?.record ?? (link === 0n ? undefined : half.read(ENTRY, address));
    if (record === undefined) return undefined;
    return { value: seen ?? { address, record, lists: new Set<Order>() }, next: [record[order][direction]] };
  }, { where, cap: MAX_ENTRIES, anomalies: process.anomalies }, (link) => {
    const end = link === head;
    closed ||= end;
    return end;
  });
  for (const entry of entries) {
    entry.lists.add(order);
    known.set(entry.address, entry);
  }
  return closed;
}
