import { FormatError } from '../bytes/errors.js';
import { MACHINE } from './machine.js';

/** How the offsets of a profile came about, in falling order of trust. */
export type ProfileSource = 'exact' | 'nearest' | 'derived';

/** A field as a symbol table spells it: name (with `u.` prefixes of anonymous unions), byte offset, type. */
export type FieldFact = readonly [name: string, offset: number, type: string];
/** A structure: size in bytes and its fields. */
export type StructFact = readonly [size: number, fields: readonly FieldFact[]];

/** A field found by its path: where it lies from the start of the structure, and what it is. */
export interface Field {
  readonly offset: number;
  /** Bytes; 0 for a type that the profile does not know. */
  readonly size: number;
  /** `*_EPROCESS`, `unsigned long`, `_LIST_ENTRY`, without bit positions. */
  readonly type: string;
  /** For a bit field: first bit and count of bits. */
  readonly bits: readonly [first: number, count: number] | undefined;
  /** For an array: count of elements, else undefined. */
  readonly count: number | undefined;
}

const PRIMITIVES: Readonly<Record<string, number>> = {
  'char': 1, 'unsigned char': 1, 'short': 2, 'unsigned short': 2, 'wchar': 2, 'long': 4, 'unsigned long': 4, 'int': 4, 'unsigned int': 4,
  'long long': 8, 'unsigned long long': 8, 'float': 4, 'double': 8, '_LARGE_INTEGER': 8, '_ULARGE_INTEGER': 8,
  '_KSYSTEM_TIME': 12, '_GUID': 16, 'fn': 0, 'void': 0,
};
/** Enumerations of the kernel: symbol tables say their names, and all have four bytes. */
const ENUMERATIONS: ReadonlySet<string> = new Set([
  '_POOL_TYPE', '_TOKEN_TYPE', '_SECURITY_IMPERSONATION_LEVEL', '_NT_PRODUCT_TYPE', '_ALTERNATIVE_ARCHITECTURE_TYPE', '_SYSTEM_DLL_TYPE', '_LDR_DLL_LOAD_REASON',
  '_IO_SESSION_STATE', '_SERVERSILO_STATE', '_FILE_INFORMATION_CLASS', '_FSINFOCLASS', '_DEVICE_RELATION_TYPE', '_SYSTEM_POWER_STATE', '_POWER_STATE_TYPE', '_ETW_BUFFER_STATE',
  '_ETW_RT_EVENT_LOSS', '_ETW_PERIODIC_TIMER_STATE', '_RTLP_HP_LOCK_TYPE', 'DEVICE_TEXT_TYPE', 'BUS_QUERY_ID_TYPE', 'POWER_ACTION', 'ETW_COMPRESSION_RESUMPTION_MODE',
]);

/** Layouts and symbols of one kernel build. */
export class Profile {
  readonly #fields = new Map<string, Field | undefined>();
  readonly #parsed = new Map<string, ReadonlyMap<string, FieldFact>>();
  #build: number | undefined;
  #byAddress: (readonly [name: string, rva: number])[] | undefined;

  /**
   * @param id GUID and age of the kernel's symbol file, `89284D…-1`
   * @param version `10.0.19041.2965`
   * @param pointerSize bytes
   * @param structs layouts by name; undefined where the build has no such structure
   * @param symbols relative virtual addresses by name
   * @param label where the layouts are from, for people: `layouts of 10.0.19041.264 x86`
   * @param machine `IMAGE_FILE_HEADER.Machine` of the kernel
   * @param named all symbols with their addresses, for names by address; undefined where the table is no one's whole
   */
  constructor(
    readonly id: string,
    readonly version: string,
    readonly source: ProfileSource,
    readonly pointerSize: 4 | 8,
    private readonly structs: (name: string) => StructFact | undefined,
    private readonly symbols: (name: string) => number | undefined,
    readonly label: string = version,
    readonly machine: number = pointerSize === 8 ? MACHINE.x64 : MACHINE.x86,
    private readonly named?: () => Iterable<readonly [name: string, rva: number]>,
  ) {}

  /** Build number, from the version. */
  get build(): number {
    return this.#build ??= Number(this.version.split('.')[2] ?? 0);
  }

  /** Relative virtual address of a symbol; undefined when this build's table does not have it. */
  symbol(name: string): number | undefined {
    return this.symbols(name);
  }

  /**
   * The last symbol at or before a relative virtual address; of several there the first by name. Undefined when none is, and when the table does not
   * have all symbols. The first call sorts them.
   */
  symbolAt(rva: number): { readonly name: string; readonly rva: number } | undefined {
    if (this.named === undefined) return undefined;
    this.#byAddress ??= [...this.named()].sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1));
    let low = 0;
    let high = this.#byAddress.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#byAddress[middle]![1] <= rva) low = middle + 1;
      else high = middle;
    }
    while (low > 1 && this.#byAddress[low - 2]![1] === this.#byAddress[low - 1]![1]) low -= 1;
    const found = this.#byAddress[low - 1];
    return found && { name: found[0], rva: found[1] };
  }

  /** A structure as its table spells it; undefined when this build has no such structure. */
  fact(struct: string): StructFact | undefined {
    return this.structs(struct);
  }

  /** Size in bytes; undefined when this build has no such structure. */
  sizeOf(struct: string): number | undefined {
    return this.structs(struct)?.[0];
  }

  /**
   * Finds a field by a dotted path through embedded structures: `Pcb.DirectoryTableBase`, `u.VadFlags.Protection`.
   * Undefined when this build has no such field.
   */
  field(struct: string, path: string): Field | undefined {
    const key = `${struct}.${path}`;
    if (!this.#fields.has(key)) this.#fields.set(key, this.#find(struct, path));
    return this.#fields.get(key);
  }

  /** As `field`, for what the caller cannot do without. @throws FormatError naming the field */
  need(struct: string, path: string): Field {
    const field = this.field(struct, path);
    if (field === undefined) throw new FormatError(`the profile ${this.version} does not know ${struct}.${path}`);
    return field;
  }

  #find(struct: string, path: string): Field | undefined {
    const fields = this.#map(struct);
    if (fields === undefined) return undefined;
    // The names of anonymous unions hold dots themselves: take the longest name that fits.
    const parts = path.split('.');
    for (let take = parts.length; take > 0; take -= 1) {
      const fact = fields.get(parts.slice(0, take).join('.'));
      if (fact === undefined) continue;
      if (take === parts.length) return this.#field(fact);
      const inner = this.#find(fact[2], parts.slice(take).join('.'));
      if (inner !== undefined) return { ...inner, offset: inner.offset + fact[1] };
    }
    return undefined;
  }

  #map(struct: string): ReadonlyMap<string, FieldFact> | undefined {
    const known = this.#parsed.get(struct);
    if (known !== undefined) return known;
    const fact = this.structs(struct);
    if (fact === undefined) return undefined;
    const map = new Map(fact[1].map((field) => [field[0], field]));
    this.#parsed.set(struct, map);
    return map;
  }

  #field([, offset, spelled]: FieldFact): Field {
    const [, base = spelled, dimensions = '', first, bits] = /^(.*?)((?:\[\d+\])*)(?::(\d+),(\d+))?$/.exec(spelled) ?? [];
    // A table of two dimensions counts all its elements.
    const count = dimensions === '' ? undefined : dimensions.slice(1, -1).split('][').map(Number).reduce((product, each) => product * each, 1);
    const element = base.startsWith('*') ? this.pointerSize : PRIMITIVES[base] ?? (ENUMERATIONS.has(base) ? 4 : this.sizeOf(base) ?? 0);
    return {
      offset,
      size: element * (count ?? 1),
      type: base,
      bits: first === undefined || bits === undefined ? undefined : [Number(first), Number(bits)],
      count,
    };
  }
}
