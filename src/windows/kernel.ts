import type { Anomalies } from '../bytes/anomaly.js';
import { utf16 } from '../bytes/utf16.js';
import { wordAt } from '../bytes/word.js';
import { AddressSpace, type PagedMemory } from '../paging/address-space.js';
import type { ModeName, PagingMode } from '../paging/mode.js';
import type { SoftwarePte } from '../paging/pte.js';
import type { CodeView } from '../pe/header.js';
import type { Profile } from '../profile/profile.js';
import { Reader, type Member, type RecordOf, type Struct, type UnicodeString } from '../profile/struct.js';
import { symbolsFor } from '../profile/symbol-folder.js';
import type { ProfileFacts } from './profile-facts.js';
import { Recent } from './recent.js';

/** What the kernel was recognised by; the facts that a worker opens the same kernel from. */
export interface KernelFacts {
  readonly dtb: number;
  readonly base: bigint;
  /** SizeOfImage in bytes. */
  readonly size: number;
  /** GUID and age of its symbol file, `89284D0CA6ACC8274B9A44BD5AF9290B-1`; undefined when it has no CodeView record. */
  readonly symbolFile: string | undefined;
  /** Address of System's `_EPROCESS`, where the variable that names it (PsInitialSystemProcess) may not be in the image. */
  readonly system?: bigint | undefined;
  /** Paging mode; x64 when not said. */
  readonly mode?: ModeName | undefined;
  /** What the same profile is made from again; undefined: the bundled one of `symbolFile`. */
  readonly profile?: ProfileFacts | undefined;
  /** Where symbols of other modules are looked for. */
  readonly symbols?: SymbolPlaces | undefined;
}

/** Folders of the user, and where what was read is kept. */
export interface SymbolPlaces {
  readonly folders: readonly string[];
  readonly cache: string | undefined;
}

/** MM_SHARED_USER_DATA_VA, in every version and on every processor. */
const USER_SHARED_DATA = 0x7ffe_0000n;

/** Enough for what an analyst looks at, little enough for a walk over all processes of a large machine. */
const REMEMBERED = 12;

/** The running kernel of an image: its memory, its layouts, its symbols. All reads of the model go through here. */
export class Kernel {
  readonly #readers = new Map<Struct<Record<string, Member<unknown>>>, unknown>();
  /** The processes in use. */
  readonly recent: Recent;
  /** System's address space: kernel addresses are read here. */
  readonly memory: AddressSpace;

  constructor(
    readonly physical: PagedMemory,
    readonly mode: PagingMode,
    readonly software: SoftwarePte,
    readonly facts: KernelFacts,
    readonly profile: Profile,
    readonly anomalies: Anomalies,
    /** How many processes remember what was read of them. */
    remembered = REMEMBERED,
  ) {
    this.recent = new Recent(remembered);
    this.memory = new AddressSpace(physical, mode, facts.dtb, software);
  }

  get base(): bigint { return this.facts.base; }
  get pointerSize(): 4 | 8 { return this.profile.pointerSize; }

  /** Symbols of another module by its CodeView record, from files of the user; undefined when there are none. Reads files. */
  moduleSymbols({ path, guid, age }: CodeView): Profile | undefined {
    const { symbols } = this.facts;
    if (symbols === undefined) return undefined;
    const pdbName = path.split(/[\\/]/).at(-1) ?? '';
    return symbolsFor(symbols.folders, { pdbName, guid, age }, { cache: symbols.cache, note: (sentence) => this.anomalies.add('symbols', sentence) });
  }

  /** Address of a kernel symbol; undefined when the profile does not have it. */
  symbol(name: string): bigint | undefined {
    const rva = this.profile.symbol(name);
    return rva === undefined ? undefined : this.base + BigInt(rva);
  }

  /** A reader of a declared structure for this build. @throws FormatError when the build lacks what is declared */
  reader<S extends Struct<Record<string, Member<unknown>>>>(declared: S): Reader<S> {
    const known = this.#readers.get(declared);
    if (known !== undefined) return known as Reader<S>;
    const reader = new Reader(declared, this.profile);
    this.#readers.set(declared, reader);
    return reader;
  }

  /** Reads a declared structure from kernel memory; undefined when it is not in the image. @throws FormatError as `reader` */
  read<S extends Struct<Record<string, Member<unknown>>>>(declared: S, address: bigint): RecordOf<S> | undefined {
    return this.reader(declared).read(this.memory, address);
  }

  /** A pointer in kernel memory; undefined when it is not in the image. */
  pointer(address: bigint): bigint | undefined {
    const bytes = this.memory.read(address, this.pointerSize);
    return bytes === undefined ? undefined : wordAt(bytes, 0, this.pointerSize);
  }

  /** The characters of a `_UNICODE_STRING`; undefined when they are not in the image, empty when it has none. */
  text(string: UnicodeString, memory: AddressSpace = this.memory): string | undefined {
    if (string.length === 0) return '';
    if (string.buffer === 0n) return undefined;
    const bytes = memory.read(string.buffer, string.length & ~1);
    return bytes === undefined ? undefined : utf16(bytes);
  }

  /** Plausible as a kernel-mode address of this architecture. */
  isKernelAddress(address: bigint): boolean {
    return address >= this.mode.kernelStart && address <= this.mode.lastAddress;
  }

  /**
   * The address space of a process, by `DirectoryTableBase` as stored (PCID bits included). Where that table does not even map the kernel, the
   * table in use in user mode is read in its place, when it is one.
   * @param userDtb `UserDirectoryTableBase`, where the process has one
   * @param said told what is wrong with its tables
   */
  processSpace(dtb: number, userDtb?: number, said: (what: string, table: number) => void = () => undefined): AddressSpace {
    const table = this.mode.tableOf(dtb);
    if (table === this.memory.dtb) return this.memory;
    const space = new AddressSpace(this.physical, this.mode, table, this.software, this.memory);
    if (space.translate(this.base) === this.memory.translate(this.base)) return space;
    const user = userDtb === undefined ? undefined : new AddressSpace(this.physical, this.mode, this.mode.tableOf(userDtb), this.software, this.memory);
    const shared = user?.translate(USER_SHARED_DATA);
    // Every process sees the page of _KUSER_SHARED_DATA there: what has taken the frame of a table does not.
    if (user === undefined || shared === undefined || shared !== this.memory.translate(this.mode.sharedData)) {
      said('its page table is missing or overwritten: what it maps cannot be told', table);
      return space;
    }
    said('its page table is missing or overwritten; the one in use in user mode is read in its place', table);
    return user;
  }
}
