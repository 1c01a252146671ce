// The public layouts, each brought into one form: { version, machine, source, structs: name → [size, [[field, offset, type]…]] }.
import { spelling } from './spelling.mjs';

export const X86 = 0x14c;
export const X64 = 0x8664;
export const ARM64 = 0xaa64;

/** Volatility 2's names of profiles say no revision: which kernel each was made from. */
const VOL2_VERSIONS = {
  xp_sp2: '5.1.2600.2180', xp_sp3: '5.1.2600.5512', win2003_sp0: '5.2.3790.0', win2003_sp1: '5.2.3790.1830', win2003_sp2: '5.2.3790.3959',
  vista_sp0: '6.0.6000.16386', vista_sp1: '6.0.6001.18000', vista_sp2: '6.0.6002.18005', win7_sp0: '6.1.7600.16385', win7_sp1: '6.1.7601.17514',
  win7_sp1_632B36E0: '6.1.7601.23418', win7_sp1_BBA98F40: '6.1.7601.23418', win7_sp1_24000: '6.1.7601.24000',
  win8_sp0: '6.2.9200.16384', win8_sp1: '6.3.9600.16384', win81_u1: '6.3.9600.17031', win8_sp1_54B5A1C6: '6.3.9600.18340',
  win10: '10.0.10240.16384', win10_10240_17770: '10.0.10240.17770', win10_1AC738FB: '10.0.10586.306', win10_44B89EEA: '10.0.10586.420',
  win10_DD08DD42: '10.0.14393.0', win10_9619274A: '10.0.14393.0', win10_15063: '10.0.15063.0', win10_16299: '10.0.16299.0', win10_17134: '10.0.17134.1',
  win10_17763: '10.0.17763.0', win10_18362: '10.0.18362.0', win10_19041: '10.0.19041.0',
};

const machineOf = (arch) => (arch === 'x86' ? X86 : X64);

/** @param {Record<string, [number, [string, number, string][]]>} structs @param {boolean} [sharp] */
export function spelled(structs, sharp = false) {
  return Object.fromEntries(Object.entries(structs).map(([name, [size, fields]]) => [name, [size, fields.map(([field, offset, type]) => [field, offset, spelling(type, sharp)])]]));
}

/** `10.0.19041.1288-x64`: 51 layouts of vergilius-rs. */
export function vergilius(json) {
  return Object.entries(json).map(([key, structs]) => {
    const [, version, arch] = /^([\d.]+)-(x86|x64)$/.exec(key);
    return { version, machine: machineOf(arch), source: 'vergilius', structs: spelled(structs) };
  });
}

/** `win7_sp1_x64_24000`: 48 layouts of Volatility 2. */
export function volatility2(json) {
  return Object.entries(json).map(([key, structs]) => {
    const [, arch] = /_(x86|x64)(?=_|$)/.exec(key);
    const version = VOL2_VERSIONS[key.replace(`_${arch}`, '')];
    if (version === undefined) throw new Error(`which kernel is ${key}?`);
    return { version, machine: machineOf(arch), source: 'volatility2', structs: spelled(structs) };
  });
}

/** The layouts of the exact kernels, one an own set: what the other sources are compared with. */
export function exactKernels({ kernels, layoutSets, structNames, structs }) {
  return kernels.map(([, version, machine, set]) => ({
    version, machine, source: 'jpcert', set,
    structs: Object.fromEntries(structNames.map((name, at) => [name, structs[name]?.[layoutSets[set][at]]]).filter(([, struct]) => struct !== undefined)),
  }));
}

/** `10.0.19041.264` → 19041 */
export const buildOf = (version) => Number(version.split('.')[2]);

/** Volatility 2 writes CHAR as unsigned: where Vergilius has the very field as a signed one, it is. */
export function withSigns(layout, other) {
  if (other === undefined) return layout;
  const structs = Object.fromEntries(Object.entries(layout.structs).map(([name, [size, fields]]) => {
    const known = new Map((other.structs[name]?.[1] ?? []).map(([path, , type]) => [path, type]));
    return [name, [size, fields.map(([path, offset, type]) => {
      const signed = type.replace(/^(\**)unsigned char/, '$1char');
      return [path, offset, known.get(path) === signed ? signed : type];
    })]];
  }));
  return { ...layout, structs };
}
