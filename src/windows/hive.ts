import { walk } from '../bytes/walk.js';
import { utf16 } from '../bytes/utf16.js';
import { big, list, nonZero, number, optional, place, struct, unicode, type RecordOf, type UnicodeString } from '../profile/struct.js';
import { BASE_BLOCK_SIZE, baseBlock, type BaseBlock } from '../registry/base-block.js';
import { Cells } from '../registry/cells.js';
import { RegistryHive } from '../registry/hive.js';
import { DUAL, MappedStorage } from './hive-memory.js';
import { keyOf } from './key-control-block.js';
import type { Kernel } from './kernel.js';
import type { Process } from './process.js';

const CMHIVE = struct('_CMHIVE', {
  signature: number('Hive.Signature'),
  baseBlock: big('Hive.BaseBlock'),
  version: optional(number('Hive.Version')),
  storage: place('Hive.Storage'),
  links: list('HiveList'),
  fullPath: optional(unicode('FileFullPath')),
  userName: optional(unicode('FileUserName')),
  // Since Vista.
  rootPath: optional(unicode('HiveRootPath')),
  rootBlock: optional(nonZero('RootKcb')),
});
/** `_HHIVE.Signature`. */
const SIGNATURE = 0xbee0_bee0;
/** More hives than any system loads. */
const MAX_HIVES = 8192;
/** Where the root cell lies in a hive without a base block: just behind the first bin's header. */
const FIRST_CELL = 0x20;

/** How a hive was found: on CmpHiveListHead, or by the pool scan alone. */
export type HiveSource = 'list' | 'scan';

/** A registry hive in memory. Corresponds to `_CMHIVE`. */
export interface Hive {
  readonly address: bigint;
  /** `\REGISTRY\MACHINE\SYSTEM`; the first of HiveRootPath, FileUserName, FileFullPath, base block file name that says something. */
  readonly name: string;
  /** HiveRootPath, in XP and 2003 the path of the hive's first key; empty when the hive does not say. */
  readonly rootPath: string;
  /** FileUserName, else FileFullPath; empty when the hive has no file or does not say. */
  readonly filePath: string;
  readonly source: HiveSource;
  /** The base block; undefined when it is not in the image or is none. */
  readonly header: BaseBlock | undefined;
  /** The bytes of the base block, as far as it is in the image. */
  readonly baseBlock: Buffer | undefined;
  readonly stable: MappedStorage;
  readonly volatile: MappedStorage;
  /** The way to its keys. */
  readonly registry: RegistryHive;
}

/**
 * The hives by CmpHiveListHead, and those that only the pool scan found.
 * @param processes the known processes: where there is a process Registry (Windows 10 1803 and later), it maps the bins
 */
export function hives(kernel: Kernel, scanned: readonly bigint[], processes: () => readonly Process[] = () => []): readonly Hive[] {
  const found: Hive[] = [];
  const seen = new Set<bigint>();
  const bins = binsMemory(kernel, processes());
  const take = (address: bigint, record: RecordOf<typeof CMHIVE>, source: HiveSource): void => {
    if (seen.has(address)) return;
    seen.add(address);
    const hive = kernel.anomalies.attempt(`hive 0x${address.toString(16)}`, () => openHive(kernel, bins, address, record, source));
    if (hive !== undefined) found.push(hive);
  };
  for (const { address, record } of listed(kernel)) take(address, record, 'list');
  for (const address of scanned) {
    const record = kernel.read(CMHIVE, address);
    if (record?.signature === SIGNATURE) take(address, record, 'scan');
  }
  return found;
}

/** `_CMHIVE`s on CmpHiveListHead, in its order. */
function* listed(kernel: Kernel): Generator<{ address: bigint; record: RecordOf<typeof CMHIVE> }> {
  const head = kernel.symbol('CmpHiveListHead');
  const first = head === undefined ? undefined : kernel.pointer(head);
  const offset = kernel.reader(CMHIVE).offset('links');
  if (head === undefined || first === undefined || offset === undefined) {
    kernel.anomalies.add('hive list', 'CmpHiveListHead is not known or not in the image', head);
    return;
  }
  yield* walk([first], (links) => links, (links) => {
    const address = links - BigInt(offset);
    const record = kernel.isKernelAddress(links) ? kernel.read(CMHIVE, address) : undefined;
    if (record === undefined) return undefined;
    if (record.signature !== SIGNATURE) {
      kernel.anomalies.add('hive list', 'a list entry is no hive', address);
      return undefined;
    }
    return { value: { address, record }, next: [record.links.flink] };
  }, { where: 'hive list', cap: MAX_HIVES, anomalies: kernel.anomalies }, (links) => links === head);
}

/** The address space that maps the bins: that of the process Registry, a child of System, where there is one; else System's. */
function binsMemory(kernel: Kernel, processes: readonly Process[]): Kernel['memory'] {
  const registry = processes.find((process) => process.facts.shortName === 'Registry' && process.ppid === 4 && !process.terminated && process.linked);
  return registry?.memory ?? kernel.memory;
}

function openHive(kernel: Kernel, bins: Kernel['memory'], address: bigint, record: RecordOf<typeof CMHIVE>, source: HiveSource): Hive {
  const rootPath = pathOf(kernel, record.rootPath) || rootKeyPath(kernel, record, address);
  const filePath = pathOf(kernel, record.userName) || pathOf(kernel, record.fullPath);
  const bytes = record.baseBlock === 0n ? undefined
    : bins.read(record.baseBlock, BASE_BLOCK_SIZE) ?? bins.read(record.baseBlock, 0x200);
  const place = `hive 0x${address.toString(16)}`;
  const header = bytes === undefined ? undefined : kernel.anomalies.attempt(place, () => baseBlock(bytes));
  if (bytes === undefined) kernel.anomalies.add(place, 'the base block is not in the image', record.baseBlock);
  const name = rootPath || filePath || header?.fileName || `0x${address.toString(16)}`;
  const stable = new MappedStorage(kernel, bins, record.storage);
  const volatile = new MappedStorage(kernel, bins, record.storage + BigInt(kernel.reader(DUAL).size));
  return {
    address, name, rootPath, filePath, source, header, baseBlock: bytes, stable, volatile,
    registry: new RegistryHive({
      cells: new Cells(stable, volatile),
      rootCell: header?.rootCell ?? FIRST_CELL,
      minor: record.version ?? header?.minor ?? 5,
      where: `hive ${name}`,
      anomalies: kernel.anomalies,
    }),
  };
}

/** Where a hive is mounted, by the control block of its first key, which XP and 2003 keep; empty when that does not say. */
function rootKeyPath(kernel: Kernel, { rootPath, rootBlock }: RecordOf<typeof CMHIVE>, address: bigint): string {
  if (rootPath !== undefined || rootBlock === undefined || !kernel.isKernelAddress(rootBlock)) return '';
  const key = kernel.anomalies.attempt(`hive 0x${address.toString(16)}`, () => keyOf(kernel, rootBlock));
  return key?.hive === address && key.path.startsWith('\\REGISTRY\\') ? key.path : '';
}

/** A path of a hive; empty when it has none or it is not in the image. NULs at its end are no part of it. */
function pathOf(kernel: Kernel, string: UnicodeString | undefined): string {
  if (string === undefined || string.length === 0) return '';
  const bytes = kernel.isKernelAddress(string.buffer) ? kernel.memory.read(string.buffer, string.length & ~1) : undefined;
  return bytes === undefined ? '' : utf16(bytes);
}
