import type { Profile } from '../../src/profile/profile.js';
import { pdbBytes, SIMPLE, TypeRecords, type PdbMember } from './pdb-bytes.js';

/** Simple types by the name that profiles give them: number and bytes. */
const BASES: Readonly<Record<string, readonly [type: number, size: number]>> = {
  'void': [SIMPLE.void, 0], 'char': [0x10, 1], 'unsigned char': [0x20, 1], 'short': [0x11, 2], 'unsigned short': [0x21, 2], 'wchar': [0x71, 2],
  'long': [0x12, 4], 'unsigned long': [0x22, 4], 'int': [0x74, 4], 'unsigned int': [0x75, 4], 'long long': [0x13, 8], 'unsigned long long': [0x23, 8],
  'float': [0x40, 4], 'double': [0x41, 8], 'HRESULT': [0x08, 4],
};
/** What a structure of which nothing more is known is taken to have. */
const UNKNOWN_SIZE = 8;

/** What a profile knows as a PDB of another GUID and age. */
export function pdbOf(profile: Profile, structs: readonly string[], symbols: readonly string[], id: string): Buffer {
  const [digits = '', age] = id.split('-');
  const types = new TypeRecords();
  const known = new Map<string, number>();
  const named = (name: string): number => {
    const index = known.get(name) ?? (profile.fact(name) === undefined ? types.structure(name, UNKNOWN_SIZE, []) : types.forward(name));
    known.set(name, index);
    return index;
  };
  const sized = (spelled: string): readonly [type: number, size: number] => {
    const [, plain = '', first, bits] = /^(.*):(\d+),(\d+)$/.exec(spelled) ?? [];
    if (first !== undefined) return [types.bitField(sized(plain)[0], Number(first), Number(bits)), sized(plain)[1]];
    const [, element = '', count] = /^(.*)\[(\d+)\]$/.exec(spelled) ?? [];
    if (count !== undefined) {
      const [type, size] = sized(element);
      return [types.array(type, size * Number(count)), size * Number(count)];
    }
    if (spelled === 'fn') return [types.procedure(), 0];
    if (spelled.startsWith('*')) return [types.pointer(sized(spelled.slice(1))[0], profile.pointerSize), profile.pointerSize];
    return BASES[spelled] ?? [named(spelled), profile.sizeOf(spelled) ?? UNKNOWN_SIZE];
  };
  for (const name of structs) {
    const fact = profile.fact(name);
    if (fact !== undefined) types.structure(name, fact[0], fact[1].map(([field, offset, type]): PdbMember => [field, offset, sized(type)[0]]));
  }
  const bytes = Buffer.from(digits, 'hex');
  const guid = Buffer.concat([bytes.subarray(0, 4).reverse(), bytes.subarray(4, 6).reverse(), bytes.subarray(6, 8).reverse(), bytes.subarray(8)]);
  const publics = symbols.flatMap((name) => {
    const rva = profile.symbol(name);
    return rva === undefined ? [] : [[name, 1, rva - 0x1000] as const];
  });
  return pdbBytes({ guid, age: Number(age), types, sections: [0x1000], publics, machine: profile.machine });
}
