import { Profile, type FieldFact, type StructFact } from '../profile/profile.js';
import { Reader, type Member, type RecordOf, type Struct } from '../profile/struct.js';
import type { AddressSpace } from '../paging/address-space.js';
import type { Process } from './process.js';

/**
 * The 32-bit structures of a WoW64 process, which the 64-bit kernel's symbols do not have: those of the x86 systems of the
 * same age, whose symbols give the members that are read these offsets from XP to Windows 10 (two moved in Windows 8; heaps changed
 * in Vista, and load times came with 7).
 */
const UNICODE_STRING: StructFact = [8, [
  ['Length', 0, 'unsigned short'], ['MaximumLength', 2, 'unsigned short'], ['Buffer', 4, '*wchar'],
]];
const LIST_ENTRY: StructFact = [8, [['Flink', 0, '*_LIST_ENTRY'], ['Blink', 4, '*_LIST_ENTRY']]];
const VISTA = 6000;
const WINDOWS_7 = 7600;
const WINDOWS_8 = 9200;

const field = (known: boolean, fact: FieldFact): readonly FieldFact[] => (known ? [fact] : []);

function structs32(build: number): Readonly<Record<string, StructFact>> {
  return {
    _UNICODE_STRING: UNICODE_STRING,
    _LIST_ENTRY: LIST_ENTRY,
    _PEB: [0x250, [
      ['ImageBaseAddress', 0x8, '*void'], ['Ldr', 0xc, '*_PEB_LDR_DATA'], ['ProcessParameters', 0x10, '*_RTL_USER_PROCESS_PARAMETERS'],
      ['NumberOfHeaps', 0x88, 'unsigned long'], ['ProcessHeaps', 0x90, '**void'],
    ]],
    _PEB_LDR_DATA: [0x30, [
      ['InLoadOrderModuleList', 0xc, '_LIST_ENTRY'], ['InMemoryOrderModuleList', 0x14, '_LIST_ENTRY'],
      ['InInitializationOrderModuleList', 0x1c, '_LIST_ENTRY'],
    ]],
    _LDR_DATA_TABLE_ENTRY: [build < WINDOWS_8 ? 0x78 : 0xa8, [
      ['InLoadOrderLinks', 0, '_LIST_ENTRY'], ['InMemoryOrderLinks', 0x8, '_LIST_ENTRY'], ['InInitializationOrderLinks', 0x10, '_LIST_ENTRY'],
      ['DllBase', 0x18, '*void'], ['EntryPoint', 0x1c, '*void'], ['SizeOfImage', 0x20, 'unsigned long'],
      ['FullDllName', 0x24, '_UNICODE_STRING'], ['BaseDllName', 0x2c, '_UNICODE_STRING'],
      ...field(build >= WINDOWS_7, ['LoadTime', build < WINDOWS_8 ? 0x70 : 0x88, '_LARGE_INTEGER']),
    ]],
    _CURDIR: [0xc, [['DosPath', 0, '_UNICODE_STRING'], ['Handle', 8, '*void']]],
    _RTL_USER_PROCESS_PARAMETERS: [0x2a4, [
      ['Flags', 0x8, 'unsigned long'], ['CurrentDirectory', 0x24, '_CURDIR'], ['ImagePathName', 0x38, '_UNICODE_STRING'],
      ['CommandLine', 0x40, '_UNICODE_STRING'], ['Environment', 0x48, '*void'], ['WindowTitle', 0x70, '_UNICODE_STRING'],
      ...field(build >= VISTA, ['EnvironmentSize', 0x290, 'unsigned long']),
    ]],
    ...(build < VISTA ? oldHeap32() : heap32(build)),
  };
}

/** Heaps since Vista; what follows the encoding moved when Windows 8 took PointerKey away. */
function heap32(build: number): Readonly<Record<string, StructFact>> {
  const moved = build < WINDOWS_8 ? 0 : -4;
  return {
    _HEAP: [0x258, [
      ['SegmentSignature', 0x8, 'unsigned long'], ['EncodeFlagMask', 0x4c, 'unsigned long'], ['Encoding', 0x50, '_HEAP_ENTRY'], ['Signature', 0x64 + moved, 'unsigned long'],
      ['VirtualAllocdBlocks', 0xa0 + moved, '_LIST_ENTRY'], ['SegmentList', 0xa8 + moved, '_LIST_ENTRY'],
    ]],
    _HEAP_SEGMENT: [0x40, [
      ['SegmentSignature', 0x8, 'unsigned long'], ['SegmentListEntry', 0x10, '_LIST_ENTRY'], ['Heap', 0x18, '*_HEAP'], ['NumberOfPages', 0x20, 'unsigned long'],
      ['FirstEntry', 0x24, '*_HEAP_ENTRY'], ['LastValidEntry', 0x28, '*_HEAP_ENTRY'],
    ]],
    _HEAP_ENTRY: [0x8, [
      ['Size', 0, 'unsigned short'], ['Flags', 2, 'unsigned char'], ['SmallTagIndex', 3, 'unsigned char'], ['PreviousSize', 4, 'unsigned short'], ['UnusedBytes', 7, 'unsigned char'],
    ]],
    _HEAP_VIRTUAL_ALLOC_ENTRY: [0x20, [['Entry', 0, '_LIST_ENTRY'], ['CommitSize', 0x10, 'unsigned long'], ['ReserveSize', 0x14, 'unsigned long'], ['BusyBlock', 0x18, '_HEAP_ENTRY']]],
  };
}

/** Heaps of XP and 2003: no encoding, an array of segments. */
function oldHeap32(): Readonly<Record<string, StructFact>> {
  return {
    _HEAP: [0x588, [['Signature', 0x8, 'unsigned long'], ['VirtualAllocdBlocks', 0x50, '_LIST_ENTRY'], ['Segments', 0x58, '*_HEAP_SEGMENT[64]']]],
    _HEAP_SEGMENT: [0x3c, [
      ['Signature', 0x8, 'unsigned long'], ['Heap', 0x10, '*_HEAP'], ['NumberOfPages', 0x1c, 'unsigned long'], ['FirstEntry', 0x20, '*_HEAP_ENTRY'], ['LastValidEntry', 0x24, '*_HEAP_ENTRY'],
    ]],
    _HEAP_ENTRY: [0x8, [
      ['Size', 0, 'unsigned short'], ['PreviousSize', 2, 'unsigned short'], ['SmallTagIndex', 4, 'unsigned char'], ['Flags', 5, 'unsigned char'], ['UnusedBytes', 6, 'unsigned char'],
    ]],
    _HEAP_VIRTUAL_ALLOC_ENTRY: [0x20, [['Entry', 0, '_LIST_ENTRY'], ['CommitSize', 0x10, 'unsigned long'], ['ReserveSize', 0x14, 'unsigned long'], ['BusyBlock', 0x18, '_HEAP_ENTRY']]],
  };
}

type AnyStruct = Struct<Record<string, Member<unknown>>>;

/** One width's half of a user process: its own PEB and the layouts that everything reached from there has. */
export interface UserHalf {
  readonly wow64: boolean;
  readonly peb: bigint;
  readonly pointerSize: 4 | 8;
  readonly memory: AddressSpace;
  reader<S extends AnyStruct>(declared: S): Reader<S>;
  /** Reads from the process's memory; undefined when it is not in the image. */
  read<S extends AnyStruct>(declared: S, address: bigint): RecordOf<S> | undefined;
}

const profiles = new Map<number, { readonly profile: Profile; readonly readers: Map<AnyStruct, unknown> }>();

/** The layouts of the 32-bit half on a 64-bit system of this build. */
function layouts32(build: number): { readonly profile: Profile; readonly readers: Map<AnyStruct, unknown> } {
  let known = profiles.get(build);
  if (known === undefined) {
    const structs = structs32(build);
    const profile = new Profile('wow64', `0.0.${build}`, 'exact', 4, (name) => structs[name], () => undefined);
    known = { profile, readers: new Map() };
    profiles.set(build, known);
  }
  return known;
}

/** The halves of a process that have a PEB: the system's own width, then that of WoW64. */
export function userHalves(process: Process): readonly UserHalf[] {
  const { kernel, facts, memory } = process;
  const halves: UserHalf[] = [];
  if (facts.peb !== undefined) {
    halves.push({
      wow64: false, peb: facts.peb, pointerSize: kernel.pointerSize, memory,
      reader: (declared) => kernel.reader(declared),
      read: (declared, address) => kernel.reader(declared).read(memory, address),
    });
  }
  if (facts.peb32 !== undefined) {
    const { profile, readers } = layouts32(kernel.profile.build);
    const reader = <S extends AnyStruct>(declared: S): Reader<S> => {
      const made = (readers.get(declared) ?? new Reader(declared, profile)) as Reader<S>;
      readers.set(declared, made);
      return made;
    };
    halves.push({
      wow64: true, peb: facts.peb32, pointerSize: 4, memory, reader,
      read: (declared, address) => reader(declared).read(memory, address),
    });
  }
  return halves;
}
