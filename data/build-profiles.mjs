// Makes the bundled facts about kernels: profiles.json.br, layouts.json.br, identities.json.br.
//
//   node data/build-profiles.mjs FOLDER [--differences]
//
// FOLDER holds the extracts that data/NOTICE names: kernels.json, tcpip.json, vergilius-structs.json, vol2-structs.json, win26100-structs.json,
// kernel-ids-kphdyn.json, ntoskrnl-offsets-to-26100.csv. The output is the same bytes for the same inputs. Prints where the sources disagree.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { agreement } from './build/agreement.mjs';
import { build26100 } from './build/build-26100.mjs';
import { build28000, filled, forArm64, withAvlNode } from './build/by-rule.mjs';
import { identities } from './build/identities.mjs';
import { pack, structText, write } from './build/pack.mjs';
import { isWithoutPae, withPae } from './build/pae.mjs';
import { nearest, repair } from './build/repair.mjs';
import { buildOf, exactKernels, vergilius, volatility2, withSigns, X64, X86 } from './build/sources.mjs';

const folder = process.argv[2];
if (folder === undefined) {
  console.error('usage: node data/build-profiles.mjs FOLDER');
  process.exit(2);
}
const text = (name) => readFileSync(join(folder, name), 'utf8');
const json = (name) => JSON.parse(text(name));

const kernels = json('kernels.json');
write('profiles', {
  structs: Object.fromEntries(Object.entries(kernels.structs).map(([name, variants]) => [name, variants.map(structText)])),
  structNames: kernels.structNames,
  layoutSets: kernels.layoutSets,
  symbolNames: kernels.symbolNames,
  kernels: kernels.kernels.map(([id, version, machine, layoutSet, rvas]) => [id, version, machine, layoutSet, rvas.join(',')]),
  tcpip: json('tcpip.json'),
});

// Layouts of builds. Volatility 2 and the exact kernels agree in every offset of the builds that both have; Vergilius has losses (see repair.mjs).
const exact = exactKernels(kernels);
const second = volatility2(json('vol2-structs.json'));
const third = vergilius(json('vergilius-structs.json'));
const same = (one) => (other) => other.version === one.version && other.machine === one.machine;
const sure = [...second.map((layout) => withSigns(layout, third.find(same(layout)))), ...exact];
const left = [];
const repaired = third.filter((layout) => !sure.some(same(layout))).map((layout) => repair(layout, nearest(layout, sure), (what) => left.push(`${layout.version} ${what}`)));
const seven = second.find(({ version, machine }) => version === '6.1.7601.24000' && machine === X86);
const pae = second.filter(isWithoutPae).map((layout) => withPae(layout, seven));
const wanted = [...new Set([...kernels.structNames, ...second.flatMap(({ structs }) => Object.keys(structs))])];
const newest = build26100(json('win26100-structs.json'), repaired.find(({ version }) => version === '10.0.22631.2428').structs, wanted);
const packed = pack();
const all = filled([...sure.filter(({ source }) => source !== 'jpcert'), ...repaired, ...pae, newest, build28000(newest)].map(withAvlNode));
const ids = json('kernel-ids-kphdyn.json');
// The ARM64 form of the newest x64 layout of each build.
const newestOf = (build) => [...exact, ...all].filter(({ version, machine }) => machine === X64 && buildOf(version) === build)
  .sort((a, b) => Number(a.version.split('.')[3]) - Number(b.version.split('.')[3])).at(-1);
const arm = [17134, 17763, 18362, 19041, 22000, 22621, 26100, 28000].map((build) => forArm64(newestOf(build), ids)).filter((layout) => layout !== undefined);
const layouts = [...all, ...arm].map(({ version, machine, source, kind = '', structs }) => [version, machine, source, packed.set(structs), kind]);
if (new Set(layouts.map(([version, machine, , , kind]) => `${version} ${machine} ${kind}`)).size !== layouts.length) throw new Error('a layout is there twice');
write('layouts', { structs: packed.structs, structNames: packed.structNames, layoutSets: packed.layoutSets, layouts });

// Where two sources have the same build: how far they agree.
for (const [title, pairs] of [
  ['Vergilius as it is, against the others', third.map((layout) => [layout, sure.find(same(layout))])],
  ['Vergilius repaired after the build before, against the others', third.map((layout) => {
    const truth = sure.find(same(layout));
    const older = nearest({ ...layout, version: layout.version.replace(/\d+$/, '0') }, sure.filter(({ version }) => buildOf(version) < buildOf(layout.version)));
    return truth === undefined || older === undefined ? [layout, undefined] : [repair(layout, older), truth];
  })],
  ['PAE by rule, against the PAE kernel', pae.filter(({ version }) => version === '6.1.7601.23418').map((layout) => [layout, seven])],
]) {
  const sums = { pairs: 0, structs: 0, fields: 0, sizes: 0, offsets: 0, bits: 0 };
  for (const [one, other] of pairs.filter(([, other]) => other !== undefined)) {
    const result = agreement(one.structs, other.structs);
    sums.pairs += 1;
    for (const name of ['structs', 'fields']) sums[name] += result[name];
    for (const name of ['sizes', 'offsets', 'bits']) sums[name] += result[name].length;
    if (process.argv.includes('--differences')) console.log(one.version, one.machine.toString(16), result);
  }
  console.log(`${title}: ${sums.pairs} builds, ${sums.fields} fields; offsets differ in ${sums.offsets}, bit positions in ${sums.bits}; of ${sums.structs} structures, sizes differ in ${sums.sizes}`);
}
console.log(`left out because their place is not sure: ${left.length === 0 ? 'none' : left.join('; ')}`);

const known = identities(ids, text('ntoskrnl-offsets-to-26100.csv'));
write('identities', known);
console.log(`${kernels.kernels.length} kernels, ${layouts.length} layouts (${layouts.filter(([, machine]) => machine === X64).length} x64), ${known.rows.length} kernel files`);
