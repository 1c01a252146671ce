import { guidDigits } from '../../src/bytes/guid.js';

/** CodeView leaves that the fixtures use (cvinfo.h). */
const LEAF = {
  modifier: 0x1001, pointer: 0x1002, procedure: 0x1008, fieldList: 0x1203, bitField: 0x1205, array: 0x1503, structure: 0x1505, union: 0x1506, enumeration: 0x1507,
} as const;
const FORWARD = 0x80;

export const SIMPLE = { void: 0x03, char: 0x10, unsignedChar: 0x20, unsignedShort: 0x21, unsignedLong: 0x22, unsignedLongLong: 0x23, long: 0x12, pointerToVoid: 0x603 } as const;

export type PdbMember = readonly [name: string, offset: number, type: number];

function u16(value: number): Buffer {
  const out = Buffer.alloc(2);
  out.writeUInt16LE(value);
  return out;
}

function u32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value >>> 0);
  return out;
}

/** A number as type records hold it. */
function numeric(value: number): Buffer {
  return value < 0x8000 ? u16(value) : Buffer.concat([u16(0x8004), u32(value)]);
}

function name(text: string): Buffer {
  return Buffer.from(`${text}\0`, 'utf8');
}

/** Pads to four bytes as the compiler does: each byte says how many are left. */
function padded(bytes: Buffer, before = 0): Buffer {
  const left = (4 - ((bytes.length + before) % 4)) % 4;
  return Buffer.concat([bytes, Buffer.from(Array.from({ length: left }, (_, i) => 0xf0 + left - i))]);
}

/** Writes type records; each method answers the index of the new type. */
export class TypeRecords {
  readonly records: Buffer[] = [];

  structure(text: string, size: number, members: readonly PdbMember[]): number {
    const list = this.fieldList(members);
    return this.add(LEAF.structure, u16(members.length), u16(0), u32(list), u32(0), u32(0), numeric(size), name(text));
  }

  union(text: string, size: number, members: readonly PdbMember[]): number {
    const list = this.fieldList(members);
    return this.add(LEAF.union, u16(members.length), u16(0), u32(list), numeric(size), name(text));
  }

  /** A structure whose definition follows, or lies elsewhere. */
  forward(text: string): number {
    return this.add(LEAF.structure, u16(0), u16(FORWARD), u32(0), u32(0), u32(0), numeric(0), name(text));
  }

  /** @param next where the list goes on */
  fieldList(members: readonly PdbMember[], next?: number): number {
    const parts = members.map(([text, offset, type]) => padded(Buffer.concat([u16(0x150d), u16(3), u32(type), numeric(offset), name(text)])));
    if (next !== undefined) parts.push(Buffer.concat([u16(0x1404), u16(0), u32(next)]));
    return this.add(LEAF.fieldList, ...parts);
  }

  structureOf(text: string, size: number, list: number): number {
    return this.add(LEAF.structure, u16(1), u16(0), u32(list), u32(0), u32(0), numeric(size), name(text));
  }

  pointer(type: number, size = 8): number {
    return this.add(LEAF.pointer, u32(type), u32((size << 13) | (size === 8 ? 0x0c : 0x0a)));
  }

  array(type: number, bytes: number): number {
    return this.add(LEAF.array, u32(type), u32(SIMPLE.unsignedLongLong), numeric(bytes), name(''));
  }

  bitField(type: number, first: number, length: number): number {
    return this.add(LEAF.bitField, u32(type), Buffer.from([length, first]));
  }

  constant(type: number): number {
    return this.add(LEAF.modifier, u32(type), u16(1));
  }

  procedure(): number {
    return this.add(LEAF.procedure, u32(SIMPLE.void), Buffer.from([0, 0]), u16(0), u32(0));
  }

  enumeration(text: string, type: number): number {
    return this.add(LEAF.enumeration, u16(0), u16(0), u32(type), u32(0), name(text));
  }

  private add(leaf: number, ...parts: Buffer[]): number {
    const body = padded(Buffer.concat([u16(leaf), ...parts]), 2);
    this.records.push(Buffer.concat([u16(body.length), body]));
    return 0x1000 + this.records.length - 1;
  }
}

export interface PdbParts {
  /** Sixteen bytes. */
  readonly guid: Buffer;
  readonly age: number;
  /** The file's own age; that of the debug stream when not said. */
  readonly fileAge?: number;
  readonly types: TypeRecords;
  /** Relative virtual address of each section. */
  readonly sections: readonly number[];
  /** Section numbers count from 1. */
  readonly publics: readonly (readonly [name: string, section: number, offset: number])[];
  readonly blockSize?: number;
  readonly machine?: number;
  /** An image that was reordered: pairs of addresses, and the sections as they were before. */
  readonly moved?: { readonly map: readonly (readonly [from: number, to: number])[]; readonly sections: readonly number[] };
}

/** GUID and age as images name the file. */
export function pdbId({ guid, age }: Pick<PdbParts, 'guid' | 'age'>): string {
  return `${guidDigits(guid)}-${age}`;
}

/** The bytes of a PDB of version 7. Its blocks are laid out of order, as linkers leave them. */
export function pdbBytes(parts: PdbParts): Buffer {
  const { guid, age, fileAge = age, types, sections, publics, blockSize = 4096, machine = 0x8664, moved } = parts;
  const records = Buffer.concat(types.records);
  const info = Buffer.concat([u32(20000404), u32(0), u32(fileAge), guid]);
  const typeStream = Buffer.concat([
    u32(20040203), u32(56), u32(0x1000), u32(0x1000 + types.records.length), u32(records.length), u16(0xffff), u16(0xffff), Buffer.alloc(32), records,
  ]);
  const optional = [0xffff, 0xffff, 0xffff, 0xffff, moved === undefined ? 0xffff : 7, 5, 0xffff, 0xffff, 0xffff, 0xffff, moved === undefined ? 0xffff : 6];
  const debug = Buffer.alloc(64);
  debug.writeInt32LE(-1, 0);
  debug.writeUInt32LE(19990903, 4);
  debug.writeUInt32LE(age, 8);
  debug.writeUInt16LE(0xffff, 12);
  debug.writeUInt16LE(0xffff, 16);
  debug.writeUInt16LE(4, 20);
  debug.writeInt32LE(8, 24);
  debug.writeInt32LE(optional.length * 2, 48);
  debug.writeUInt16LE(machine, 58);
  const symbols = Buffer.concat(publics.map(([text, section, offset]) => {
    const body = padded(Buffer.concat([u16(0x110e), u32(2), u32(offset), u16(section), name(text)]), 2);
    return Buffer.concat([u16(body.length), body]);
  }));
  const headers = (rvas: readonly number[]): Buffer => Buffer.concat(rvas.map((rva) => Buffer.concat([Buffer.alloc(12), u32(rva), Buffer.alloc(24)])));
  return multiStream([
    Buffer.alloc(0), info, typeStream, Buffer.concat([debug, Buffer.alloc(8), ...optional.map(u16)]), symbols, headers(sections),
    ...(moved === undefined ? [] : [headers(moved.sections), Buffer.concat(moved.map.flatMap(([from, to]) => [u32(from), u32(to)]))]),
  ], blockSize);
}

/** The bytes of a multi-stream file. */
export function multiStream(streams: readonly Buffer[], blockSize: number): Buffer {
  const blocks: Buffer[] = [Buffer.alloc(blockSize), Buffer.alloc(blockSize), Buffer.alloc(blockSize)];
  /** Blocks in reversed pairs, so that neighbours and strangers both occur. */
  const place = (bytes: Buffer): number[] => {
    const pieces = Array.from({ length: Math.ceil(bytes.length / blockSize) }, (_, i) => {
      const block = Buffer.alloc(blockSize);
      bytes.copy(block, 0, i * blockSize, (i + 1) * blockSize);
      return block;
    });
    const numbers = new Array<number>(pieces.length);
    for (let at = 0; at < pieces.length; at += 3) {
      const later = [at + 1, at + 2, at].filter((i) => i < pieces.length);
      for (const i of later) {
        numbers[i] = blocks.length;
        blocks.push(pieces[i]!);
      }
    }
    return numbers;
  };
  const numbers = streams.map(place);
  const directory = Buffer.concat([u32(streams.length), ...streams.map(({ length }) => u32(length)), ...numbers.flat().map(u32)]);
  const list = Buffer.concat(place(directory).map(u32));
  const roots = place(list);
  const head = blocks[0]!;
  head.write('Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0', 0, 'latin1');
  [blockSize, 1, blocks.length, directory.length, 0, ...roots].forEach((value, i) => head.writeUInt32LE(value, 32 + i * 4));
  return Buffer.concat(blocks);
}

/** A small kernel's symbol file: a structure with all kinds of members. */
export function kernelPdb(changes: Partial<PdbParts> = {}): PdbParts {
  const types = new TypeRecords();
  const process = types.forward('_EPROCESS');
  const pointer = types.pointer(process);
  const entry = types.forward('_LIST_ENTRY');
  types.structure('_LIST_ENTRY', 16, [['Flink', 0, types.pointer(entry)], ['Blink', 8, types.pointer(entry)]]);
  const flags = types.structure('<unnamed-tag>', 4, [['Protection', 0, types.bitField(SIMPLE.unsignedLong, 7, 5)], ['Private', 0, types.bitField(SIMPLE.unsignedLong, 20, 1)]]);
  const union = types.union('<unnamed-tag>', 4, [['LongFlags', 0, SIMPLE.unsignedLong], ['VadFlags', 0, flags]]);
  types.structure('_EPROCESS', 0x200, [
    ['UniqueProcessId', 0x10, SIMPLE.pointerToVoid], ['ActiveProcessLinks', 0x18, entry], ['u', 0x28, union], ['Parent', 0x30, types.constant(pointer)],
    ['ImageFileName', 0x38, types.array(SIMPLE.unsignedChar, 15)], ['Matrix', 0x48, types.array(types.array(SIMPLE.unsignedLong, 8), 32)],
    ['State', 0x68, types.enumeration('_PROCESS_STATE', SIMPLE.long)], ['Callback', 0x70, types.pointer(types.procedure())],
    ['Table', 0x78, types.array(pointer, 0x9000)],
  ]);
  return {
    guid: Buffer.from('00112233445566778899aabbccddeeff', 'hex'), age: 1, types, sections: [0x1000, 0x20_0000],
    publics: [['PsActiveProcessHead', 2, 0x40], ['NtClose', 1, 0x10], ['absolute', 0, 5], ['nowhere', 9, 5], ['?SmGlobals@@3U_SM_GLOBALS@@A', 2, 0x80]],
    ...changes,
  };
}
