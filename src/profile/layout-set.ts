import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';
import type { FieldFact, StructFact } from './profile.js';

/** What data/build-profiles.mjs packs layouts into. A variant of -1 means: not in this build. */
export interface PackedLayouts {
  /** Variants of each structure, each as `size|name;offset;type|…`. */
  readonly structs: Readonly<Record<string, readonly string[]>>;
  readonly structNames: readonly string[];
  readonly layoutSets: readonly (readonly number[])[];
}

/** Reads a bundled file of facts: `profiles`, `layouts`, `identities`. */
export function bundledFile(name: string): unknown {
  // The built file lies two folders deeper than the source.
  const found = [`../../data/${name}.json.br`, `../../../data/${name}.json.br`]
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find((path) => existsSync(path));
  if (found === undefined) throw new Error(`data/${name}.json.br is missing from this installation`);
  return JSON.parse(brotliDecompressSync(readFileSync(found)).toString('utf8'));
}

/** The structures of one layout set by name, each parsed when it is first asked for. */
export function structsOf({ structs, structNames, layoutSets }: PackedLayouts, set: number): (name: string) => StructFact | undefined {
  const variants = layoutSets[set]!;
  const index = new Map(structNames.map((name, at) => [name, at]));
  const parsed = new Map<string, StructFact | undefined>();
  return (name) => {
    if (!parsed.has(name)) {
      const variant = variants[index.get(name) ?? -1] ?? -1;
      const text = variant < 0 ? undefined : structs[name]?.[variant];
      parsed.set(name, text === undefined ? undefined : parseStruct(text));
    }
    return parsed.get(name);
  };
}

function parseStruct(text: string): StructFact {
  const [size, ...fields] = text.split('|');
  return [Number(size), fields.map((field): FieldFact => {
    const [name = '', offset, type = ''] = field.split(';');
    return [name, Number(offset), type];
  })];
}
