import { Profile, type FieldFact, type StructFact } from '../../profile/profile.js';
import type { DerivedFact } from './fact.js';

/** Structures and symbols that were derived, as plain data. */
export interface DerivedTables {
  readonly structs: Readonly<Record<string, StructFact>>;
  /** Addresses relative to the kernel's base. */
  readonly symbols: Readonly<Record<string, number>>;
}

/** Sizes of fields as their types are spelled; the widths of pointers and words are the mode's. */
const SIZES: Readonly<Record<string, number>> = {
  'unsigned char': 1, 'char': 1, 'unsigned short': 2, 'short': 2, 'unsigned long': 4, 'long': 4, 'unsigned long long': 8, '_LARGE_INTEGER': 8, '_LUID': 8,
  'unsigned char[15]': 15,
};

/** A profile while it is being derived: fields, symbols and the facts that explain them. */
export class Draft {
  readonly #structs = new Map<string, { size: number; readonly fields: Map<string, FieldFact> }>();
  readonly #symbols = new Map<string, number>();
  readonly facts: DerivedFact[] = [];
  readonly missing: string[] = [];

  constructor(private readonly pointerSize: 4 | 8) {}

  /** A field that was found; the structure grows to hold it. */
  field(struct: string, path: string, offset: number, type: string): void {
    const spelled = type === 'word' ? (this.pointerSize === 8 ? 'unsigned long long' : 'unsigned long') : type;
    const size = SIZES[spelled] ?? (/^_(LIST_ENTRY|UNICODE_STRING|CLIENT_ID)$/.test(spelled) ? 2 : 1) * this.pointerSize;
    const known = this.#structs.get(struct) ?? { size: 0, fields: new Map<string, FieldFact>() };
    known.fields.set(path, [path, offset, spelled]);
    known.size = Math.max(known.size, offset + size);
    this.#structs.set(struct, known);
  }

  /** Structures whose form is known as a whole; fields that were found on their own stay. */
  add(structs: Readonly<Record<string, StructFact>>): void {
    for (const [name, [size, fields]] of Object.entries(structs)) {
      const known = this.#structs.get(name) ?? { size: 0, fields: new Map<string, FieldFact>() };
      for (const field of fields) if (!known.fields.has(field[0])) known.fields.set(field[0], field);
      known.size = Math.max(known.size, size);
      this.#structs.set(name, known);
    }
  }

  /** Offset of a field that was found. */
  offset(struct: string, path: string): number | undefined {
    return this.#structs.get(struct)?.fields.get(path)?.[1];
  }

  symbol(name: string, rva: number, how: string, confidence: number, checkedOn: number): void {
    if (this.#symbols.has(name)) return;
    this.#symbols.set(name, rva);
    this.facts.push({ what: name, value: rva, how, confidence, checkedOn });
  }

  hasSymbol(name: string): boolean {
    return this.#symbols.has(name);
  }

  /**
   * The profile: what was derived, over `base` where that does not contradict it.
   * @param exported relative addresses of the kernel's exports
   */
  profile(version: string, exported: (name: string) => number | undefined, base: Profile | undefined): Profile {
    const struct = (name: string): StructFact | undefined => {
      const own = this.#structs.get(name);
      const known = base?.fact(name);
      if (own === undefined) return known;
      const fields = [...own.fields.values()];
      if (known === undefined || !this.#agrees(base, name)) return [own.size, fields];
      return [known[0], [...known[1], ...fields.filter(([path]) => base?.field(name, path) === undefined)]];
    };
    const symbol = (name: string): number | undefined => this.#symbols.get(name) ?? base?.symbol(name) ?? exported(name);
    return new Profile('derived', version, 'derived', this.pointerSize, struct, symbol, base === undefined ? 'derived from the image' : `derived from the image over ${base.label}`);
  }

  /** What `profile` holds of its own, as plain data: with it another thread makes the same profile over the same base. */
  tables(profile: Profile): DerivedTables {
    const structs = [...this.#structs.keys()].flatMap((name) => {
      const fact = profile.fact(name);
      return fact === undefined ? [] : [[name, fact] as const];
    });
    return { structs: Object.fromEntries(structs), symbols: Object.fromEntries(this.#symbols) };
  }

  /** Whether a profile places the fields that were found where they were found: then it is believed for the others of this structure. */
  #agrees(base: Profile | undefined, struct: string): boolean {
    const own = this.#structs.get(struct);
    return own !== undefined && [...own.fields.values()].every(([path, offset]) => {
      const known = base?.field(struct, path);
      return known === undefined || known.offset === offset;
    });
  }
}
