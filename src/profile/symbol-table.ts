import { FormatError } from '../bytes/errors.js';
import { Profile, type FieldFact, type StructFact } from './profile.js';

/** What a symbol file says: types and public symbols of one build of one module. */
export interface SymbolTable {
  /** `ntkrnlmp.pdb` */
  readonly pdbName: string;
  /** 32 upper-case digits. */
  readonly guid: string;
  readonly age: number;
  readonly pointerSize: 4 | 8;
  /** `IMAGE_FILE_HEADER.Machine`; undefined when the file does not say it. */
  readonly machine: number | undefined;
  /** Structures, unions and classes by name; anonymous members are spelled by their path (`u.VadFlags`). */
  readonly structs: ReadonlyMap<string, StructFact>;
  /** Bytes of enumerations and of base types, by name. */
  readonly scalars: ReadonlyMap<string, number>;
  /** Relative virtual addresses. */
  readonly symbols: ReadonlyMap<string, number>;
  /** How many types contradict themselves and were left out. */
  readonly skipped: number;
}

/** Far more than the largest kernel has (2,400 structures, 30,000 fields, 50,000 symbols). */
const MOST = { structs: 200_000, fields: 500_000, symbols: 1_000_000, nesting: 12, name: 16_384 } as const;

/** GUID and age as profiles are named by: `89284D…-1`. */
export function symbolId({ guid, age }: { readonly guid: string; readonly age: number }): string {
  return `${guid}-${age}`;
}

/**
 * A table as a profile.
 * @param version of the build, `10.0.19041.2965`; symbol files do not say it. Empty: not known
 */
export function tableProfile(table: SymbolTable, version = ''): Profile {
  return new Profile(symbolId(table), version, 'exact', table.pointerSize, (name) => {
    const known = table.structs.get(name);
    if (known !== undefined) return known;
    const size = table.scalars.get(name);
    return size === undefined ? undefined : [size, []];
  }, (name) => table.symbols.get(name), `symbols of ${table.pdbName}`, table.machine, () => table.symbols);
}

/** Whether a name of a symbol file can be one: no control characters, not endless. */
export function isName(name: unknown): name is string {
  // DEL begins the names of linker's own thunks.
  return typeof name === 'string' && name !== '' && name.length <= MOST.name && !/[\x00-\x1f]/.test(name);
}

/** A member as a symbol file has it: of an anonymous type (whose members take its place), or of a type that is spelled. */
export interface RawMember {
  readonly name: string;
  readonly offset: number;
  /** Undefined: the member's type is anonymous and `inner` lists it. */
  readonly type: string | undefined;
  readonly inner: (() => Iterable<RawMember>) | undefined;
}

/** Collects structures within the bounds. */
export class StructCollector {
  readonly structs = new Map<string, StructFact>();
  skipped = 0;
  #visited = 0;

  /** Adds a structure; one that contradicts itself is counted and left out. @throws FormatError when there are too many */
  add(name: string, size: number, members: () => Iterable<RawMember>): void {
    if (this.structs.size >= MOST.structs) throw new FormatError(`a symbol file with more than ${MOST.structs} structures`);
    const fields: FieldFact[] = [];
    try {
      this.#flatten(members(), '', 0, 0, fields);
    } catch (error) {
      if (!(error instanceof FormatError) || this.#visited > MOST.fields) throw error;
      this.skipped += 1;
      return;
    }
    // Stable: of one offset in the file's own order.
    this.structs.set(name, [size, fields.sort((a, b) => a[1] - b[1])]);
  }

  #flatten(members: Iterable<RawMember>, prefix: string, base: number, depth: number, out: FieldFact[]): void {
    if (depth > MOST.nesting) throw new FormatError('anonymous types are nested too deep');
    for (const { name, offset, type, inner } of members) {
      this.#visited += 1;
      if (this.#visited > MOST.fields) throw new FormatError(`a symbol file with more than ${MOST.fields} fields`);
      if (inner !== undefined) this.#flatten(inner(), `${prefix}${name}.`, base + offset, depth + 1, out);
      else if (type !== undefined) out.push([prefix + name, base + offset, type]);
    }
  }
}

/** Collects symbols within the bounds, each name's first address. */
export class SymbolCollector {
  readonly #symbols = new Map<string, number>();
  readonly #plain: [string, number][] = [];

  add(name: string, rva: number): void {
    if (!isName(name) || this.#symbols.has(name)) return;
    if (this.#symbols.size >= MOST.symbols) throw new FormatError(`a symbol file with more than ${MOST.symbols} symbols`);
    this.#symbols.set(name, rva);
    const plain = undecorated(name);
    if (plain !== undefined && plain !== name) this.#plain.push([plain, rva]);
  }

  /** All of them; also by the name as it is written in the source, where no symbol is called so. */
  finish(): ReadonlyMap<string, number> {
    for (const [name, rva] of this.#plain) if (!this.#symbols.has(name)) this.#symbols.set(name, rva);
    return this.#symbols;
  }
}

/** `_NtClose@4`, `@ObfDereferenceObject@4`, `_PsActiveProcessHead`, and global `?SmGlobals@@3…` as they are written in the source. */
function undecorated(name: string): string | undefined {
  return (/^\?(\w+)@@[3Y]/.exec(name) ?? /^[_@\x7f]?([^?@]+)(?:@\d+)?$/.exec(name))?.[1];
}
