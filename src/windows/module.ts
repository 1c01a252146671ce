import { walk } from '../bytes/walk.js';
import { exportDirectory, peHeader } from '../pe/header.js';
import { big, list, number, struct, unicode } from '../profile/struct.js';
import type { Kernel } from './kernel.js';
import { loaderEntries, type LoaderRecord } from './loader-lists.js';
import type { Process } from './process.js';
import { isExecutable, vadAt, type Vad } from './vad.js';
import { userHalves } from './wow64.js';

/**
 * - `ldr`: in the loader's lists. · `not-linked`: an image VAD with executable pages that no list names.
 * - `data`: an image VAD that no list names and of which no page is executable.
 * - `injected`: a PE header at the start of a non-image VAD that has executable pages.
 */
export type ModuleKind = 'ldr' | 'not-linked' | 'data' | 'injected';

/** A PE image in a process, or a kernel module (then in the System process). */
export interface Module {
  readonly kind: ModuleKind;
  readonly base: bigint;
  /** SizeOfImage in bytes. */
  readonly size: number;
  /** Address of the entry point; 0n when it has none. */
  readonly entry: bigint;
  /** BaseDllName; for unlinked ones the file's name or the export directory's, else `0x<base>`. */
  readonly name: string;
  /** FullDllName; empty when no list says it. */
  readonly path: string;
  /** The path of the mapped file as the kernel names it (`\Windows\System32\ntdll.dll`), from the VAD. */
  readonly kernelPath: string | undefined;
  /** A 32-bit image of a WoW64 process, by the 32-bit lists. */
  readonly wow64: boolean;
  /** Address of the loader's entry; undefined when in no list. */
  readonly ldrEntry: bigint | undefined;
  /** LoadTime of the loader's entry. */
  readonly loaded: bigint | undefined;
}

/** What the kernel's entries share with the loader's: they end after the names (`_KLDR_DATA_TABLE_ENTRY`). */
const KERNEL_ENTRY = struct('_LDR_DATA_TABLE_ENTRY', {
  load: list('InLoadOrderLinks'),
  base: big('DllBase'),
  entry: big('EntryPoint'),
  size: number('SizeOfImage'),
  path: unicode('FullDllName'),
  name: unicode('BaseDllName'),
});

/** No process loads as many; a loop of distinct fakes ends here. */
const MAX_MODULES = 4096;
const MAX_SIZE = 0x4000_0000;
const PAGE_MASK = 0xfffn;

/**
 * The modules of a process: loader lists (the system's own width first, then WoW64; load order, then what only the other two
 * orders name), then those that only the VADs know. None for a process without a PEB or one that has ended.
 */
export function modules(process: Process): readonly Module[] {
  const halves = process.terminated ? [] : userHalves(process);
  if (halves.length === 0) return [];
  const known = new Map<bigint, Module>();
  const vads = process.vads();
  for (const half of halves) {
    for (const { address, record } of loaderEntries(process, half)) {
      if (!isModule(record)) continue;
      const other = known.get(record.base);
      if (other !== undefined) {
        // The main image of a WoW64 process is in the lists of both halves, and is a 32-bit one.
        if (half.wow64 && !other.wow64) known.set(record.base, { ...other, wow64: true });
        continue;
      }
      const text = (name: 'name' | 'path'): string => process.kernel.text(record[name], half.memory) ?? '';
      known.set(record.base, {
        kind: 'ldr', base: record.base, size: record.size, entry: record.entry,
        ...names(text('name'), text('path'), record.base),
        kernelPath: fileMappedAt(vads, record.base),
        wow64: half.wow64,
        ldrEntry: address,
        loaded: record.loaded === 0n ? undefined : record.loaded,
      });
    }
  }
  for (const vad of vads) {
    if (known.has(vad.start)) continue;
    const found = vad.image ? unlinked(process, vad) : injected(process, vad);
    if (found !== undefined) known.set(found.base, found);
  }
  return [...known.values()];
}

/** The kernel's modules by PsLoadedModuleList, as modules of System, in the list's order. */
export function kernelModules(kernel: Kernel): readonly Module[] {
  const head = kernel.symbol('PsLoadedModuleList');
  const first = head === undefined ? undefined : kernel.pointer(head);
  const offset = kernel.reader(KERNEL_ENTRY).offset('load');
  if (head === undefined || first === undefined || offset === undefined) return [];
  const limits = { where: 'kernel module list', cap: MAX_MODULES, anomalies: kernel.anomalies };
  const entries = walk([first], (link) => link, (link) => {
    const address = link - BigInt(offset);
    const record = kernel.isKernelAddress(link) ? kernel.read(KERNEL_ENTRY, address) : undefined;
    return record === undefined ? undefined : { value: { address, record }, next: [record.load.flink] };
  }, limits, (link) => link === head);
  const found = new Map<bigint, Module>();
  for (const { address, record } of entries) {
    if (!isModule(record) || found.has(record.base)) continue;
    found.set(record.base, {
      kind: 'ldr', base: record.base, size: record.size, entry: record.entry,
      ...names(kernel.text(record.name) ?? '', kernel.text(record.path) ?? '', record.base),
      kernelPath: undefined, wow64: false, ldrEntry: address, loaded: undefined,
    });
  }
  return [...found.values()];
}

/** The name as MemProcFS shows it: what no list names, and the 64-bit ntdll of a WoW64 process, carry a prefix. */
export function moduleLabel(process: Process, { kind, name, wow64 }: Module): string {
  switch (kind) {
    case 'injected': return `_INJECTED-${name}`;
    case 'not-linked': return `_NOTLINKED-${name}`;
    case 'data': return `_DATA-${name}`;
    case 'ldr': return process.facts.wow64 && !wow64 && name.toLowerCase() === 'ntdll.dll' ? `_64-${name}` : name;
  }
}

/** Whether a loader's entry can be of an image: the base of a page, and a size that images have. */
export function isModule({ base, size }: Pick<LoaderRecord, 'base' | 'size'>): boolean {
  return base !== 0n && (base & PAGE_MASK) === 0n && size > 0 && size < MAX_SIZE;
}

function names(name: string, path: string, base: bigint): Pick<Module, 'name' | 'path'> {
  return { name: name || lastPart(path) || `0x${base.toString(16)}`, path };
}

function lastPart(path: string | undefined): string {
  return path?.split('\\').at(-1) ?? '';
}

function fileMappedAt(vads: readonly Vad[], base: bigint): string | undefined {
  const vad = vadAt(vads, base);
  return vad?.start === base ? vad.file : undefined;
}

/** An image that is mapped, though no list names it. */
function unlinked(process: Process, vad: Vad): Module | undefined {
  const header = peHeader(process.memory, vad.start);
  const executable = hasExecutablePages(process, vad);
  if (header === undefined && !executable) return undefined;
  return fromVad(process, vad, executable ? 'not-linked' : 'data');
}

/** A PE image where none was mapped. */
function injected(process: Process, vad: Vad): Module | undefined {
  if (process.memory.read(vad.start, 2)?.readUInt16LE(0) !== 0x5a4d) return undefined;
  if (peHeader(process.memory, vad.start) === undefined) return undefined;
  if (!isExecutable(vad) && !hasExecutablePages(process, vad)) return undefined;
  return fromVad(process, vad, 'injected');
}

function hasExecutablePages(process: Process, vad: Vad): boolean {
  for (const { executable } of process.memory.mappings(vad.start, vad.end + 1n)) if (executable) return true;
  return false;
}

function fromVad(process: Process, vad: Vad, kind: ModuleKind): Module {
  const header = peHeader(process.memory, vad.start);
  const mapped = Number(vad.end - vad.start) + 1;
  const exported = header === undefined ? undefined : exportDirectory(process.memory, vad.start, header)?.name;
  return {
    kind,
    base: vad.start,
    size: Math.min(header?.sizeOfImage ?? mapped, mapped),
    entry: header === undefined || header.entry === 0 ? 0n : vad.start + BigInt(header.entry),
    name: lastPart(vad.file) || exported || `0x${vad.start.toString(16)}`,
    path: '',
    kernelPath: vad.file,
    wow64: process.facts.wow64 && header !== undefined && !header.is64,
    ldrEntry: undefined,
    loaded: undefined,
  };
}
