// Packing: each structure once a variant, each layout a list of variants, all as text that a reader takes apart only where it is asked for.
import { writeFileSync } from 'node:fs';
import { brotliCompressSync, constants } from 'node:zlib';

/** `2944|Pcb;0;_KPROCESS|ProcessLock;1080;_EX_PUSH_LOCK`; no name or type holds a bar or a semicolon. */
export function structText([size, fields]) {
  return [size, ...fields.map((field) => field.join(';'))].join('|');
}

export function pack() {
  const structs = {};
  const known = new Map();
  const sets = new Map();
  return {
    structs,
    layoutSets: [],
    structNames: [],
    /** Number of the set that holds these layouts, an old one where all are the same. */
    set(layouts) {
      const variants = [];
      for (const [name, struct] of Object.entries(layouts)) {
        const text = structText(struct);
        const key = `${name}|${text}`;
        if (structs[name] === undefined) {
          structs[name] = [];
          this.structNames.push(name);
        }
        if (!known.has(key)) known.set(key, structs[name].push(text) - 1);
        variants[this.structNames.indexOf(name)] = known.get(key);
      }
      const row = Array.from(variants, (variant) => variant ?? -1);
      const text = row.join(',');
      if (!sets.has(text)) sets.set(text, this.layoutSets.push(row) - 1);
      return sets.get(text);
    },
  };
}

/** Writes data/NAME.json.br and says how large it became. */
export function write(name, value) {
  const bytes = Buffer.from(JSON.stringify(value));
  const packed = brotliCompressSync(bytes, { params: {
    [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
  } });
  writeFileSync(new URL(`../${name}.json.br`, import.meta.url), packed);
  console.log(`${name}: ${bytes.length} bytes packed to ${packed.length}`);
}
