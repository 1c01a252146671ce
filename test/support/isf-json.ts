import type { Profile } from '../../src/profile/profile.js';

/** JSON of an ISF file as Volatility 3 makes them, small: a structure with all kinds of members. */
export function isfJson(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const base = (name: string): unknown => ({ kind: 'base', name });
  const pointer = (subtype: unknown): unknown => ({ kind: 'pointer', subtype });
  const array = (count: number, subtype: unknown): unknown => ({ kind: 'array', count, subtype });
  const field = (offset: number, type: unknown): unknown => ({ offset, type });
  return {
    metadata: { format: '6.1.0', windows: { pdb: { GUID: '00112233445566778899AABBCCDDEEFF', age: 1, database: 'ntkrnlmp.pdb', machine_type: 34404 } } },
    base_types: { pointer: { kind: 'int', size: 8, signed: false, endian: 'little' }, 'unsigned long': { kind: 'int', size: 4, signed: false, endian: 'little' } },
    enums: { _PROCESS_STATE: { base: 'long', size: 4, constants: { Running: 1 } } },
    symbols: { PsActiveProcessHead: { address: 0x20_0040 }, '?SmGlobals@@3U_SM_GLOBALS@@A': { address: 0x20_0080 }, absolute: { address: 0xffff_8000_0000_0000 } },
    user_types: {
      _LIST_ENTRY: { kind: 'struct', size: 16, fields: {
        Flink: field(0, pointer({ kind: 'struct', name: '_LIST_ENTRY' })), Blink: field(8, pointer({ kind: 'struct', name: '_LIST_ENTRY' })),
      } },
      __anonymous_1: { kind: 'struct', size: 4, fields: {
        Protection: field(0, { kind: 'bitfield', bit_position: 7, bit_length: 5, type: base('unsigned long') }),
      } },
      __anonymous_2: { kind: 'union', size: 4, fields: { LongFlags: field(0, base('unsigned long')), VadFlags: field(0, { kind: 'struct', name: '__anonymous_1' }) } },
      _EPROCESS: { kind: 'struct', size: 0x200, fields: {
        UniqueProcessId: field(0x10, pointer(base('void'))), ActiveProcessLinks: field(0x18, { kind: 'struct', name: '_LIST_ENTRY' }),
        u: field(0x28, { kind: 'union', name: '__anonymous_2' }), ImageFileName: field(0x38, array(15, base('unsigned char'))),
        Matrix: field(0x48, array(4, array(2, base('unsigned long')))), State: field(0x68, { kind: 'enum', name: '_PROCESS_STATE' }),
        Callback: field(0x70, pointer({ kind: 'function' })),
      } },
    },
    ...changes,
  };
}

export function isfFile(changes: Readonly<Record<string, unknown>> = {}): Buffer {
  return Buffer.from(JSON.stringify(isfJson(changes)));
}

/** A type as profiles spell it, as ISF has it. */
function isfType(spelled: string): unknown {
  const [, plain = spelled, first, bits] = /^(.*):(\d+),(\d+)$/.exec(spelled) ?? [];
  if (first !== undefined) return { kind: 'bitfield', bit_position: Number(first), bit_length: Number(bits), type: isfType(plain) };
  const [, element, count] = /^(.*)\[(\d+)\]$/.exec(spelled) ?? [];
  if (element !== undefined) return { kind: 'array', count: Number(count), subtype: isfType(element) };
  if (spelled.startsWith('*')) return { kind: 'pointer', subtype: isfType(spelled.slice(1)) };
  if (spelled === 'fn') return { kind: 'function' };
  return spelled.startsWith('_') ? { kind: 'struct', name: spelled } : { kind: 'base', name: spelled };
}

/** What a profile knows as an ISF file of another GUID and age. */
export function isfOf(profile: Profile, structs: readonly string[], symbols: readonly string[], id: string, pdbName = 'ntkrnlmp.pdb'): Buffer {
  const [GUID = '', age] = id.split('-');
  const types: Record<string, unknown> = {};
  for (const name of structs) {
    const fact = profile.fact(name);
    if (fact === undefined) continue;
    types[name] = { kind: 'struct', size: fact[0], fields: Object.fromEntries(fact[1].map(([field, offset, type]) => [field, { offset, type: isfType(type) }])) };
  }
  return isfFile({
    metadata: { windows: { pdb: { GUID, age: Number(age), database: pdbName, machine_type: profile.machine } } },
    base_types: { pointer: { size: profile.pointerSize } }, enums: {}, user_types: types,
    symbols: Object.fromEntries(symbols.flatMap((name) => {
      const address = profile.symbol(name);
      return address === undefined ? [] : [[name, { address }]];
    })),
  });
}
