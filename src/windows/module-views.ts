import { peHeader } from '../pe/header.js';
import { loaderEntries, type Order } from './loader-lists.js';
import { isModule, type ModuleKind } from './module.js';
import type { Process } from './process.js';
import { vadAt, type Vad } from './vad.js';
import { userHalves } from './wow64.js';

/**
 * What is odd about a base that the sources do not agree on:
 * - `unlinked`: a mapped image with executable pages that no list names. · `injected`: a PE in executable memory that is no mapped image.
 * - `data`: a PE that no list names and that cannot run: mapped for its resources, or read as a file.
 * - `partial`: in some of the lists only. · `renamed`: the loader and the mapped file have other names.
 * - `private`: the lists name it, where no image is mapped (a hollowed process, a PE loaded by hand). · `no-vad`: where nothing is mapped.
 * - `no-header`: what lies there does not begin as a PE image does.
 */
export type ModuleOddity = 'unlinked' | 'injected' | 'data' | 'partial' | 'renamed' | 'private' | 'no-vad' | 'no-header';

/** A base by all who should know of a module there: the loader's three lists and the VADs. */
export interface ModuleViews {
  readonly base: bigint;
  /** SizeOfImage by the loader, else the size of the VAD. */
  readonly size: number;
  /** In the 32-bit lists of a WoW64 process, or a 32-bit image by its header. */
  readonly wow64: boolean;
  /** The lists that name it. */
  readonly lists: ReadonlySet<Order>;
  /** The VAD that holds it; undefined when none does. */
  readonly vad: 'image' | 'mapped' | 'private' | undefined;
  /** Whether it begins with `MZ`; undefined when its first page is not in the image. */
  readonly mz: boolean | undefined;
  /** BaseDllName and FullDllName; undefined when no list names it. */
  readonly name: string | undefined;
  readonly path: string | undefined;
  /** FILE_OBJECT.FileName of what is mapped there. */
  readonly mappedPath: string | undefined;
  /** Address of the loader's entry. */
  readonly ldrEntry: bigint | undefined;
  readonly oddities: readonly ModuleOddity[];
}

/** What the lists of both halves say of one base. */
interface Listed {
  readonly lists: Set<Order>;
  readonly size: number;
  readonly entry: bigint;
  readonly name: string;
  readonly path: string;
  readonly ldrEntry: bigint;
  wow64: boolean;
}

/**
 * Every base at which a list of the loader, a mapped image or a PE header stands, ascending: what only some of them know is hidden from the
 * others. None for a process without a PEB or one that has ended.
 */
export function moduleViews(process: Process): readonly ModuleViews[] {
  if (process.terminated) return [];
  const listed = listedBases(process);
  const vads = process.vads();
  const kinds = new Map(process.modules().map(({ base, kind }) => [base, kind]));
  const bases = new Set(listed.keys());
  for (const vad of vads) if (vad.image || beginsAsPe(process, vad.start) === true) bases.add(vad.start);
  return [...bases].sort((a, b) => (a < b ? -1 : 1)).map((base) => {
    const known = listed.get(base);
    const vad = vadAt(vads, base);
    const mz = beginsAsPe(process, base);
    const views = {
      base,
      size: known?.size ?? (vad === undefined ? 0 : Number(vad.end - vad.start) + 1),
      wow64: known?.wow64 ?? (process.facts.wow64 && mz === true && peHeader(process.memory, base)?.is64 === false),
      lists: known?.lists ?? new Set<Order>(),
      vad: vadKind(vad), mz,
      name: known?.name, path: known?.path,
      mappedPath: vad?.file,
      ldrEntry: known?.ldrEntry,
    };
    return { ...views, oddities: [...oddities(process, views, known, vad, kinds.get(base))] };
  });
}

function listedBases(process: Process): Map<bigint, Listed> {
  const found = new Map<bigint, Listed>();
  for (const half of userHalves(process)) {
    for (const { address, record, lists } of loaderEntries(process, half)) {
      if (!isModule(record)) continue;
      const known = found.get(record.base);
      if (known !== undefined) {
        for (const list of lists) known.lists.add(list);
        known.wow64 ||= half.wow64;
        continue;
      }
      const text = (name: 'name' | 'path'): string => process.kernel.text(record[name], half.memory) ?? '';
      found.set(record.base, {
        lists: new Set(lists), size: record.size, entry: record.entry, name: text('name'), path: text('path'), ldrEntry: address, wow64: half.wow64,
      });
    }
  }
  return found;
}

function beginsAsPe({ memory }: Process, base: bigint): boolean | undefined {
  const bytes = memory.read(base, 2);
  return bytes === undefined ? undefined : bytes.readUInt16LE(0) === 0x5a4d;
}

function vadKind(vad: Vad | undefined): ModuleViews['vad'] {
  if (vad === undefined) return undefined;
  return vad.image ? 'image' : vad.private ? 'private' : 'mapped';
}

function* oddities(
  process: Process, { base, lists, mz, name, mappedPath }: Omit<ModuleViews, 'oddities'>, known: Listed | undefined, vad: Vad | undefined, kind: ModuleKind | undefined,
): Generator<ModuleOddity> {
  if (known === undefined) {
    yield kind === 'not-linked' ? 'unlinked' : kind === 'injected' ? 'injected' : 'data';
    return;
  }
  // The main image is not initialized by the loader's list, nor is what has no entry point.
  const initialized = lists.has('initialization') || base === process.facts.sectionBase || known.entry === 0n;
  if (!lists.has('load') || !lists.has('memory') || !initialized) yield 'partial';
  if (vad === undefined) yield 'no-vad';
  else if (!vad.image || vad.start !== base) yield 'private';
  const file = mappedPath?.split('\\').at(-1);
  if (vad?.image === true && file !== undefined && file !== '' && name !== undefined && name !== '' && file.toLowerCase() !== name.toLowerCase()) yield 'renamed';
  if (mz === false) yield 'no-header';
}
