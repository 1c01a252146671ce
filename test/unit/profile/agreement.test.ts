import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { exactKernels } from '../../../src/profile/bundled.js';
import { structsOf } from '../../../src/profile/layout-set.js';
import { bundledLayouts, layoutProfile } from '../../../src/profile/layouts.js';
import { machineName } from '../../../src/profile/machine.js';
import type { StructFact } from '../../../src/profile/profile.js';

type Structs = (name: string) => StructFact | undefined;

const exact = (version: string): Structs => {
  const data = exactKernels();
  return structsOf(data, data.kernels.find((row) => row[1] === version)![3]);
};
const layout = (version: string, machine: string): Structs => {
  const data = bundledLayouts();
  return structsOf(data, data.layouts.find((row) => row[0] === version && machineName(row[1]) === machine && row[4] === '')![3]);
};

/** Fields that two readings of a build both have, and where they differ in place, size or bits. */
function compare(one: Structs, other: Structs): { fields: number; differences: readonly string[] } {
  let fields = 0;
  const differences: string[] = [];
  for (const name of exactKernels().structNames) {
    const [a, b] = [one(name), other(name)];
    if (a === undefined || b === undefined) continue;
    if (a[0] !== b[0]) differences.push(`size of ${name}`);
    const known = new Map(b[1].map(([path, offset, type]) => [path, [offset, /:\d+,\d+$/.exec(type)?.[0]] as const]));
    for (const [path, offset, type] of a[1]) {
      const same = known.get(path);
      if (same === undefined) continue;
      fields += 1;
      if (same[0] !== offset || same[1] !== /:\d+,\d+$/.exec(type)?.[0]) differences.push(`${name}.${path}`);
    }
  }
  return { fields, differences };
}

test('two independent readings of one build agree in every field', () => {
  for (const [layoutVersion, exactVersion] of [['10.0.18362.0', '10.0.18362.30'], ['10.0.19041.0', '10.0.19041.329']] as const) {
    const { fields, differences } = compare(layout(layoutVersion, 'x64'), exact(exactVersion));
    assert.ok(fields > 4000, String(fields));
    assert.deepEqual(differences, [], layoutVersion);
  }
});

test('a listing with losses is repaired to what the exact kernel of its neighbour says', () => {
  for (const [layoutVersion, exactVersion] of [['10.0.19045.2965', '10.0.19041.2965'], ['10.0.22000.194', '10.0.22000.318']] as const) {
    const { fields, differences } = compare(layout(layoutVersion, 'x64'), exact(exactVersion));
    assert.ok(fields > 3900, String(fields));
    // Of the processor's blocks the listing has the public head alone.
    assert.deepEqual(differences.filter((what) => !/^size of _(KPCR|KPRCB|DRIVER_EXTENSION)$/.test(what)), [], layoutVersion);
  }
});

test('no layout has two fields of one name in a structure, or one that begins beyond its end', () => {
  const data = bundledLayouts();
  for (const [version, machine, , set, kind] of data.layouts) {
    const structs = structsOf(data, set);
    for (const name of data.structNames) {
      const fact = structs(name);
      if (fact === undefined) continue;
      const paths = fact[1].map(([path]) => path);
      assert.equal(new Set(paths).size, paths.length, `${name} of ${version} ${machine} ${kind}`);
      for (const [path, offset] of fact[1]) assert.ok(offset >= 0 && offset <= fact[0], `${name}.${path} of ${version} ${machine.toString(16)} ${kind}: ${offset} of ${fact[0]}`);
    }
  }
});

/** Members that only ARM64 kernels have: they are in no public table, the user's symbols have them. */
const ARM64_ALONE: ReadonlySet<string> = new Set(['_KTRAP_FRAME.Pc', '_KTRAP_FRAME.Sp', '_KTRAP_FRAME.Lr', '_KTRAP_FRAME.Fp', '_KTRAP_FRAME.Spsr', '_KTRAP_FRAME.PreviousMode']);

interface Declared {
  readonly file: string;
  readonly struct: string;
  readonly path: string;
  readonly optional: boolean;
}

/** The structures that the model declares, from its sources: they are few lines of one form. */
function declaredStructures(): readonly Declared[] {
  const folder = ['../../../src/windows', '../../../../src/windows'].map((path) => new URL(path, import.meta.url)).find((url) => {
    try {
      return readdirSync(url).some((name) => name.endsWith('.ts'));
    } catch {
      return false;
    }
  });
  assert.ok(folder !== undefined, 'the sources are beside the built files');
  return readdirSync(folder, { recursive: true }).map(String).filter((name) => name.endsWith('.ts')).flatMap((file) => {
    const text = readFileSync(`${folder.pathname}/${file}`, 'utf8');
    return [...text.matchAll(/struct\('(\w+)', \{([\s\S]*?)\}\)/g)].flatMap(([, struct = '', members = '']) => (
      [...members.matchAll(/(optional\()?\w+\('([\w.]+)'/g)].map(([, optional, path = '']) => ({ file, struct, path, optional: optional !== undefined }))));
  });
}

test('what the model reads is in the layouts; the table of gaps says where a build has it in another form or not at all', (t) => {
  const declared = declaredStructures();
  assert.ok(declared.length > 150, String(declared.length));
  const profiles = bundledLayouts().layouts.map(([version, machine, , , kind]) => layoutProfile(`${version}-${machineName(machine)}${kind === '' ? '' : `-${kind}`}`, () => undefined)!);
  const gaps = new Map<string, string[]>();
  for (const { file, struct, path, optional } of declared) {
    const without = profiles.filter((profile) => profile.field(struct, path) === undefined);
    assert.ok(optional || without.length < profiles.length || ARM64_ALONE.has(`${struct}.${path}`), `${struct}.${path} (${file}) is in no layout`);
    if (!optional && without.length > 0) gaps.set(`${struct}.${path} (${file})`, without.map(({ id }) => id));
  }
  for (const [what, ids] of gaps) t.diagnostic(`${what}: not in ${ids.length} of ${profiles.length}, ${ids[0]} to ${ids.at(-1)}`);
});
