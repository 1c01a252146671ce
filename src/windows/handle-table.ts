import { walk } from '../bytes/walk.js';
import { FormatError } from '../bytes/errors.js';
import { wordAt } from '../bytes/word.js';
import { big, list, nonZero, struct } from '../profile/struct.js';
import type { Kernel } from './kernel.js';
import { objectManager } from './object.js';

const TABLE = struct('_HANDLE_TABLE', {
  code: big('TableCode'),
  process: nonZero('QuotaProcess'),
  links: list('HandleTableList'),
});

const SYSTEM = struct('_EPROCESS', { table: nonZero('ObjectTable') });

const PAGE = 4096;
const MAX_PAGES = 1 << 16;
const MAX_TABLES = 1 << 16;
/** A handle's value counts in fours; the low two bits are the application's. */
const HANDLE_STEP = 4;
/** Bits of `GrantedAccess` that are rights; above them stand the entry's own flags. */
const ACCESS_MASK = 0x1ff_ffff;
/** Low bits of `TableCode`: how many levels of pointers lie above the entries. */
const LEVEL_MASK = 0x7n;
const MAX_LEVEL = 2;
/** Low bits of an object's address that are zero. */
const ALIGNED_BITS: Readonly<Record<4 | 8, number>> = { 4: 3, 8: 4 };

/** An entry in use. Corresponds to `_HANDLE_TABLE_ENTRY`. */
export interface HandleEntry {
  /** The handle's value; in PspCidTable the PID or TID. */
  readonly value: number;
  /** What the entry points to: an object's header; in PspCidTable its body. */
  readonly pointer: bigint;
  readonly access: number;
}

/** How a build writes an entry. */
interface EntryFormat {
  readonly size: number;
  /** 0n: the entry is free. */
  readonly pointer: (page: Buffer, at: number) => bigint;
  readonly access: (page: Buffer, at: number) => number;
}

const formats = new WeakMap<Kernel, EntryFormat>();

/**
 * `Object` with the entry's lock and attributes in its low three bits until Windows 7. Since 8 `ObjectPointerBits`: the highest bits
 * of the word are the address without its alignment (16 bytes, 8 on 32-bit); on 64-bit the sign goes on above them.
 */
function entryFormat(kernel: Kernel): EntryFormat {
  const known = formats.get(kernel);
  if (known !== undefined) return known;
  const { profile, pointerSize } = kernel;
  const size = profile.sizeOf('_HANDLE_TABLE_ENTRY');
  if (size === undefined || size < 2 * pointerSize || size > 64) throw new FormatError(`the profile ${profile.version} does not know _HANDLE_TABLE_ENTRY`);
  const packed = profile.field('_HANDLE_TABLE_ENTRY', 'ObjectPointerBits');
  const access = profile.field('_HANDLE_TABLE_ENTRY', 'GrantedAccessBits') ?? profile.need('_HANDLE_TABLE_ENTRY', 'GrantedAccess');
  const word = (page: Buffer, at: number): bigint => wordAt(page, at, pointerSize);
  const pointer = packed === undefined ? plainPointer(word, profile.need('_HANDLE_TABLE_ENTRY', 'Object').offset)
    : packedPointer(word, packed.offset, pointerBits(kernel, packed.bits), pointerSize);
  const format: EntryFormat = { size, pointer, access: (page, at) => page.readUInt32LE(at + access.offset) & ACCESS_MASK };
  formats.set(kernel, format);
  return format;
}

/**
 * How many bits of an address an entry keeps: what the layout says (41 in 8.0, with addresses of 44 bits), else as many as addresses
 * have above the alignment: 44, and 53 with five levels of page tables, whose kernel has layouts of its own in no table.
 */
function pointerBits({ mode, pointerSize }: Kernel, told: readonly [first: number, count: number] | undefined): number {
  const all = mode.virtualBits - ALIGNED_BITS[pointerSize];
  return told === undefined || mode.name === 'x64-la57' ? all : told[1];
}

type Word = (page: Buffer, at: number) => bigint;

function plainPointer(word: Word, offset: number): EntryFormat['pointer'] {
  return (page, at) => word(page, at + offset) & ~0x7n;
}

function packedPointer(word: Word, offset: number, count: number, pointerSize: 4 | 8): EntryFormat['pointer'] {
  const shift = BigInt(pointerSize * 8 - count);
  const aligned = ALIGNED_BITS[pointerSize];
  return (page, at) => BigInt.asUintN(pointerSize * 8, BigInt.asIntN(count + aligned, (word(page, at + offset) >> shift) << BigInt(aligned)));
}

interface TablePage {
  readonly address: bigint;
  readonly level: number;
  /** Value of the page's first handle. */
  readonly first: number;
}

/** The pages of entries of a table, ascending; pages of pointers lie above them when there are many. */
function* entryPages(kernel: Kernel, where: string, code: bigint, format: EntryFormat): Generator<{ readonly bytes: Buffer; readonly first: number }> {
  const level = Number(code & LEVEL_MASK);
  if (level > MAX_LEVEL) throw new FormatError(`a handle table has ${level} levels`, code);
  const perPage = Math.floor(PAGE / format.size);
  const pointers = PAGE / kernel.pointerSize;
  const pages = walk<TablePage, { bytes: Buffer; first: number } | undefined>(
    [{ address: code & ~LEVEL_MASK, level, first: 0 }], ({ address }) => address,
    (page) => {
      const bytes = kernel.memory.read(page.address, PAGE);
      if (bytes === undefined) return undefined;
      if (page.level === 0) return { value: { bytes, first: page.first }, next: [] };
      const span = perPage * HANDLE_STEP * (page.level === 2 ? pointers : 1);
      const next: TablePage[] = [];
      for (let slot = 0; slot < pointers; slot += 1) {
        const address = wordAt(bytes, slot * kernel.pointerSize, kernel.pointerSize);
        if (address !== 0n) next.push({ address, level: page.level - 1, first: page.first + slot * span });
      }
      return { value: undefined, next };
    }, { where, cap: MAX_PAGES, anomalies: kernel.anomalies });
  for (const page of pages) if (page !== undefined) yield page;
}

/**
 * The entries in use of a handle table, ascending by value.
 *
 * @param table address of the `_HANDLE_TABLE`
 * @param where the place named in anomalies
 */
export function* handleEntries(kernel: Kernel, table: bigint, where: string): Generator<HandleEntry> {
  const record = kernel.read(TABLE, table);
  if (record === undefined) {
    kernel.anomalies.add(where, 'the handle table cannot be read', table);
    return;
  }
  const format = entryFormat(kernel);
  for (const { bytes, first } of entryPages(kernel, where, record.code, format)) {
    // The first entry of a page is not a handle.
    for (let at = format.size, value = first + HANDLE_STEP; at + format.size <= PAGE; at += format.size, value += HANDLE_STEP) {
      const pointer = format.pointer(bytes, at);
      if (pointer === 0n) continue;
      if (!kernel.isKernelAddress(pointer)) {
        kernel.anomalies.add(where, `handle ${value} points outside the kernel`, pointer);
        continue;
      }
      yield { value, pointer, access: format.access(bytes, at) };
    }
  }
}

/**
 * One entry in use of a handle table, found without reading the others; undefined when it is free, is no handle, or is not in the image.
 *
 * @param value the handle's value
 */
export function handleEntry(kernel: Kernel, table: bigint, value: number): HandleEntry | undefined {
  const code = kernel.read(TABLE, table)?.code;
  if (code === undefined || value % HANDLE_STEP !== 0 || value < 0) return undefined;
  const format = entryFormat(kernel);
  const perPage = Math.floor(PAGE / format.size);
  const pointers = PAGE / kernel.pointerSize;
  const index = value / HANDLE_STEP;
  const slot = index % perPage;
  const page = Math.floor(index / perPage);
  const level = Number(code & LEVEL_MASK);
  // The first entry of a page is not a handle.
  if (level > MAX_LEVEL || slot === 0 || page >= pointers ** level) return undefined;
  let address: bigint | undefined = code & ~LEVEL_MASK;
  for (let above = level; above > 0; above -= 1) {
    address = kernel.pointer(address + BigInt((Math.floor(page / pointers ** (above - 1)) % pointers) * kernel.pointerSize));
    if (address === undefined || address === 0n) return undefined;
  }
  const bytes = kernel.memory.read(address + BigInt(slot * format.size), format.size);
  const pointer = bytes === undefined ? 0n : format.pointer(bytes, 0);
  return bytes === undefined || !kernel.isKernelAddress(pointer) ? undefined : { value, pointer, access: format.access(bytes, 0) };
}

/** The process that a handle table belongs to; undefined for the kernel's own, and when it is not in the image. */
export function tableOwner(kernel: Kernel, table: bigint): bigint | undefined {
  return kernel.read(TABLE, table)?.process;
}

/** Bodies of a type's objects in PspCidTable, which knows every process and thread that has not ended. */
function cidObjects(kernel: Kernel, type: 'Process' | 'Thread'): bigint[] {
  const symbol = kernel.symbol('PspCidTable');
  const table = symbol === undefined ? undefined : kernel.pointer(symbol);
  if (table === undefined || !kernel.isKernelAddress(table)) return [];
  const manager = objectManager(kernel);
  const found: bigint[] = [];
  for (const { pointer } of handleEntries(kernel, table, 'PspCidTable')) {
    if (manager.header(pointer)?.type?.name === type) found.push(pointer);
  }
  return found;
}

/** Addresses of `_EPROCESS` in PspCidTable, ascending by PID: hidden from the active list or not. */
export function cidProcesses(kernel: Kernel): bigint[] {
  return cidObjects(kernel, 'Process');
}

/** Addresses of `_ETHREAD` in PspCidTable, ascending by TID. */
export function cidThreads(kernel: Kernel): bigint[] {
  return cidObjects(kernel, 'Thread');
}

/**
 * Addresses of `_EPROCESS` that the list of all handle tables names as their owners, in its order: hidden from the active list or not.
 * The list goes round through HandleTableListHead in the kernel's image; without that symbol it is entered at System's table.
 */
export function handleTableProcesses(kernel: Kernel): bigint[] {
  const reader = kernel.reader(TABLE);
  const offset = BigInt(reader.offset('links') ?? 0);
  const head = kernel.symbol('HandleTableListHead');
  const first = head === undefined ? systemTable(kernel) : kernel.pointer(head);
  if (first === undefined) return [];
  const inImage = (link: bigint): boolean => link >= kernel.base && link < kernel.base + BigInt(kernel.facts.size);
  let begun = false;
  const owners = walk([first], (link) => link, (link) => {
    if (!kernel.isKernelAddress(link)) throw new FormatError('a link of the list of handle tables points outside the kernel', link);
    begun = true;
    const links = inImage(link) ? kernel.pointer(link) : undefined;
    if (links !== undefined) return { value: undefined, next: [links] };
    const table = kernel.read(TABLE, link - offset);
    return table === undefined ? undefined : { value: table.process, next: [table.links.flink] };
  }, { where: 'handle table list', cap: MAX_TABLES, anomalies: kernel.anomalies }, (link) => link === head || (begun && link === first));
  return [...owners].filter((process) => process !== undefined);
}

/** The link of the handle table of System, which every kernel exports. */
function systemTable(kernel: Kernel): bigint | undefined {
  const variable = kernel.symbol('PsInitialSystemProcess');
  const system = (variable === undefined ? undefined : kernel.pointer(variable)) ?? kernel.facts.system;
  const table = system === undefined ? undefined : kernel.read(SYSTEM, system)?.table;
  return table === undefined ? undefined : table + BigInt(kernel.reader(TABLE).offset('links') ?? 0);
}
