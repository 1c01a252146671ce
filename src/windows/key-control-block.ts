import { FormatError } from '../bytes/errors.js';
import { utf16 } from '../bytes/utf16.js';
import { walk } from '../bytes/walk.js';
import { big, number, optional, place, struct } from '../profile/struct.js';
import type { Kernel } from './kernel.js';

const BODY = struct('_CM_KEY_BODY', { control: big('KeyControlBlock') });
const CONTROL = struct('_CM_KEY_CONTROL_BLOCK', {
  hive: big('KeyHive'),
  cell: number('KeyCell'),
  parent: big('ParentKcb'),
  nameBlock: big('NameBlock'),
  flags: optional(number('Flags')),
});
const NAME = struct('_CM_NAME_CONTROL_BLOCK', { compressed: number('Compressed'), length: number('NameLength'), characters: place('Name') });

/** Flags of a key node ([MS-REGF] 4.1.5 names them too): a hive is mounted here; the first key of a hive. */
const HIVE_EXIT = 0x2;
const HIVE_ENTRY = 0x4;
/** A key's name has at most 255 characters. */
const MAX_NAME = 510;
/** The registry allows 512 levels. */
const MAX_LEVELS = 520;

/** An open registry key, as the kernel knows it. Corresponds to `_CM_KEY_CONTROL_BLOCK`. */
export interface OpenKey {
  /** Address of the `_HHIVE`, which is the `_CMHIVE`'s too. */
  readonly hive: bigint;
  readonly cell: number;
  /** `\REGISTRY\MACHINE\SYSTEM\ControlSet001`; begins with `…` where a key above cannot be read. */
  readonly path: string;
}

interface ControlBlock {
  readonly name: string;
  readonly hive: bigint;
  readonly cell: number;
  readonly parent: bigint;
  readonly flags: number;
}

const blocks = new WeakMap<Kernel, Map<bigint, ControlBlock | undefined>>();
const MAX_REMEMBERED = 1 << 16;

/** The key that an object of type Key opens; undefined when its control block is not in the image. */
export function openKey(kernel: Kernel, keyBody: bigint): OpenKey | undefined {
  const body = kernel.read(BODY, keyBody);
  return body === undefined ? undefined : keyOf(kernel, body.control);
}

/** The key of a control block; undefined when that is not in the image. */
export function keyOf(kernel: Kernel, address: bigint): OpenKey | undefined {
  const own = controlBlock(kernel, address);
  if (own === undefined) return undefined;
  const chain = [...walk([address], (address) => address, (address) => {
    const block = controlBlock(kernel, address);
    return block === undefined ? undefined : { value: block, next: block.parent === 0n ? [] : [block.parent] };
  }, { where: 'key control blocks', cap: MAX_LEVELS, anomalies: kernel.anomalies })];
  // Since Windows 10 the first key of a hive hangs below the key that the hive is mounted at and has its name once more.
  const names = chain.filter((block, i) => {
    const above = chain[i + 1];
    return (block.flags & HIVE_ENTRY) === 0 || above === undefined || (above.flags & HIVE_EXIT) === 0 || above.name !== block.name;
  }).map(({ name }) => name.replace(/^\\/, ''));
  const top = chain.at(-1)?.parent === 0n ? '\\' : '…\\';
  return { hive: own.hive, cell: own.cell, path: `${top}${names.reverse().join('\\')}` };
}

function controlBlock(kernel: Kernel, address: bigint): ControlBlock | undefined {
  let known = blocks.get(kernel);
  if (known === undefined) blocks.set(kernel, known = new Map());
  if (!known.has(address)) {
    if (known.size >= MAX_REMEMBERED) known.clear();
    known.set(address, readBlock(kernel, address));
  }
  return known.get(address);
}

function readBlock(kernel: Kernel, address: bigint): ControlBlock | undefined {
  const record = kernel.read(CONTROL, address);
  if (record === undefined) return undefined;
  const name = blockName(kernel, record.nameBlock);
  if (name === undefined) return undefined;
  return { name, hive: record.hive, cell: record.cell, parent: record.parent, flags: record.flags ?? 0 };
}

function blockName(kernel: Kernel, address: bigint): string | undefined {
  const record = kernel.read(NAME, address);
  if (record === undefined) return undefined;
  if (record.length > MAX_NAME) throw new FormatError(`a key's name has ${record.length} bytes`, address);
  const bytes = kernel.memory.read(record.characters, record.length);
  if (bytes === undefined) return undefined;
  return (record.compressed & 1) === 1 ? bytes.toString('latin1') : utf16(bytes);
}
