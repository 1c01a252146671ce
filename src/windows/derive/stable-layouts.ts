import type { FieldFact, StructFact } from '../../profile/profile.js';

/** What chooses between the few forms of a structure. */
export interface Traits {
  readonly pointerSize: 4 | 8;
  /** Build number that user processes were told; 0 when unknown. */
  readonly build: number;
  /** `_CONTROL_AREA.FilePointer`. */
  readonly filePointer: number;
}

const VISTA = 6000;
const WINDOWS_7 = 7600;
const WINDOWS_8 = 9200;
const WINDOWS_10 = 10_240;

/** What leads from a subsection to its pages and the next one: until Server 2003, until 8.1, since 10. Unknown where the build is. */
function subsectionMembers(wide: boolean, build: number): readonly FieldFact[] {
  if (build === 0) return [];
  const [narrow, broad] = build < VISTA ? [[0x10, 0x1c, 0x18, 8], [0x18, 0x28, 0x24, 0xc]] as const
    : build < WINDOWS_10 ? [[4, 8, 0xc, 0x18], [8, 0x10, 0x18, 0x2c]] as const : [[4, 8, 0x1c, 0x14], [8, 0x10, 0x2c, 0x24]] as const;
  const [base, next, pages, sector] = wide ? broad : narrow;
  return [['SubsectionBase', base, '*_MMPTE'], ['NextSubsection', next, '*_SUBSECTION'], ['PtesInSubsection', pages, 'unsigned long'], ['StartingSector', sector, 'unsigned long']];
}

/**
 * Structures that are documented, or the same in all builds of a pointer size: what symbols of XP to 11 (2600 to 22631) agree on.
 * Only the members that are read. Sizes of those that grew at their end are the smallest.
 */
export function stableStructs({ pointerSize, build, filePointer }: Traits): Readonly<Record<string, StructFact>> {
  const wide = pointerSize === 8;
  const at = (narrow: number, broad: number): number => (wide ? broad : narrow);
  const word = wide ? 'unsigned long long' : 'unsigned long';
  const loadTime = build >= WINDOWS_8 || build === 0 ? at(0x88, 0x100) : build >= WINDOWS_7 ? at(0x70, 0xd8) : undefined;
  return {
    _LIST_ENTRY: [at(8, 16), [['Flink', 0, '*_LIST_ENTRY'], ['Blink', pointerSize, '*_LIST_ENTRY']]],
    _UNICODE_STRING: [at(8, 16), [['Length', 0, 'unsigned short'], ['MaximumLength', 2, 'unsigned short'], ['Buffer', pointerSize, '*wchar']]],
    _EX_FAST_REF: [pointerSize, [['Object', 0, '*void'], ['Value', 0, word]]],
    _LUID: [8, [['LowPart', 0, 'unsigned long'], ['HighPart', 4, 'long']]],
    _CURDIR: [at(0xc, 0x18), [['DosPath', 0, '_UNICODE_STRING'], ['Handle', at(8, 16), '*void']]],
    _PEB: [at(0x210, 0x2c8), [
      ['ImageBaseAddress', at(8, 0x10), '*void'], ['Ldr', at(0xc, 0x18), '*_PEB_LDR_DATA'],
      ['ProcessParameters', at(0x10, 0x20), '*_RTL_USER_PROCESS_PARAMETERS'],
      ['NumberOfHeaps', at(0x88, 0xe8), 'unsigned long'], ['ProcessHeaps', at(0x90, 0xf0), '**void'],
      ['OSBuildNumber', at(0xac, 0x120), 'unsigned short'], ['SessionId', at(0x1d4, 0x2c0), 'unsigned long'],
    ]],
    _PEB_LDR_DATA: [at(0x24, 0x40), [
      ['InLoadOrderModuleList', at(0xc, 0x10), '_LIST_ENTRY'], ['InMemoryOrderModuleList', at(0x14, 0x20), '_LIST_ENTRY'],
      ['InInitializationOrderModuleList', at(0x1c, 0x30), '_LIST_ENTRY'],
    ]],
    _LDR_DATA_TABLE_ENTRY: [at(0x50, 0x98), [
      ['InLoadOrderLinks', 0, '_LIST_ENTRY'], ['InMemoryOrderLinks', at(8, 0x10), '_LIST_ENTRY'], ['InInitializationOrderLinks', at(0x10, 0x20), '_LIST_ENTRY'],
      ['DllBase', at(0x18, 0x30), '*void'], ['EntryPoint', at(0x1c, 0x38), '*void'], ['SizeOfImage', at(0x20, 0x40), 'unsigned long'],
      ['FullDllName', at(0x24, 0x48), '_UNICODE_STRING'], ['BaseDllName', at(0x2c, 0x58), '_UNICODE_STRING'],
      ...(loadTime === undefined ? [] : [['LoadTime', loadTime, '_LARGE_INTEGER'] as const]),
    ]],
    _RTL_USER_PROCESS_PARAMETERS: [at(0x290, 0x3f0), [
      ['Flags', 8, 'unsigned long'], ['CurrentDirectory', at(0x24, 0x38), '_CURDIR'], ['ImagePathName', at(0x38, 0x60), '_UNICODE_STRING'],
      ['CommandLine', at(0x40, 0x70), '_UNICODE_STRING'], ['Environment', at(0x48, 0x80), '*void'], ['WindowTitle', at(0x70, 0xb0), '_UNICODE_STRING'],
      ...(build === 0 || build >= 6000 ? [['EnvironmentSize', at(0x290, 0x3f0), word] as const] : []),
    ]],
    _TEB: [at(0x1000, 0x1800), [['NtTib.StackBase', at(4, 8), '*void'], ['NtTib.StackLimit', at(8, 0x10), '*void'], ['NtTib.Self', at(0x18, 0x30), '*void']]],
    _EWOW64PROCESS: [8, [['Peb', 0, '*void']]],
    _MM_SESSION_SPACE: [0x1000, [['SessionId', 8, 'unsigned long']]],
    _OBJECT_NAME_INFORMATION: [at(8, 16), [['Name', 0, '_UNICODE_STRING']]],
    _PHYSICAL_MEMORY_RUN: [at(8, 16), [['BasePage', 0, word], ['PageCount', pointerSize, word]]],
    _PHYSICAL_MEMORY_DESCRIPTOR: [at(16, 32), [['NumberOfRuns', 0, 'unsigned long'], ['NumberOfPages', pointerSize, word], ['Run', at(8, 16), '_PHYSICAL_MEMORY_RUN[1]']]],
    _SID_AND_ATTRIBUTES: [at(8, 16), [['Sid', 0, '*void'], ['Attributes', pointerSize, 'unsigned long']]],
    _POOL_HEADER: wide
      ? [16, [['PreviousSize', 0, 'unsigned long:0,8'], ['BlockSize', 0, 'unsigned long:16,8'], ['PoolType', 0, 'unsigned long:24,8'], ['PoolTag', 4, 'unsigned long']]]
      : [8, [['PreviousSize', 0, 'unsigned short:0,9'], ['BlockSize', 2, 'unsigned short:0,9'], ['PoolType', 2, 'unsigned short:9,7'], ['PoolTag', 4, 'unsigned long']]],
    _SUBSECTION: [at(0x20, 0x38), [['ControlArea', 0, '*_CONTROL_AREA'], ...subsectionMembers(wide, build)]],
    _CONTROL_AREA: [at(0x30, 0x48), [
      ['Segment', 0, '*_SEGMENT'], ['FilePointer', filePointer, '_EX_FAST_REF'],
      ...(build === 0 ? [] : [['u.Flags.Image', build < VISTA ? at(0x20, 0x2c) : at(0x1c, 0x38), 'unsigned long:5,1'] as const]),
    ]],
    _SEGMENT: [at(0x30, 0x48), [['ControlArea', 0, '*_CONTROL_AREA'], ['SizeOfSegment', at(0x10, 0x18), 'unsigned long long']]],
    _FILE_OBJECT: [at(0x70, 0xb8), [
      ['Type', 0, 'short'], ['Size', 2, 'short'], ['DeviceObject', at(4, 8), '*_DEVICE_OBJECT'], ['Vpb', at(8, 0x10), '*_VPB'],
      ['FsContext', at(0xc, 0x18), '*void'], ['SectionObjectPointer', at(0x14, 0x28), '*_SECTION_OBJECT_POINTERS'], ['DeletePending', at(0x25, 0x49), 'unsigned char'],
      ['FileName', at(0x30, 0x58), '_UNICODE_STRING'],
    ]],
    _SHARED_CACHE_MAP: [at(0x130, 0x1b0), [
      ['NodeTypeCode', 0, 'short'], ['FileSize', 8, '_LARGE_INTEGER'], ['SectionSize', at(0x18, 0x20), '_LARGE_INTEGER'],
      ['InitialVacbs', at(0x30, 0x38), '*_VACB[4]'], ['Vacbs', at(0x40, 0x58), '**_VACB'],
    ]],
    _VACB: [at(0x18, 0x28), [['BaseAddress', 0, '*void'], ['SharedCacheMap', pointerSize, '*_SHARED_CACHE_MAP'], ['Overlay.FileOffset', at(8, 0x10), '_LARGE_INTEGER']]],
    _SECTION_OBJECT_POINTERS: [at(0xc, 0x18), [['DataSectionObject', 0, '*void'], ['SharedCacheMap', pointerSize, '*void'], ['ImageSectionObject', 2 * pointerSize, '*void']]],
    _DEVICE_OBJECT: [at(0xb8, 0x150), [['DeviceType', at(0x2c, 0x48), 'unsigned long']]],
    _DRIVER_OBJECT: [at(0xa8, 0x150), [
      ['DeviceObject', at(4, 8), '*_DEVICE_OBJECT'], ['DriverStart', at(0xc, 0x18), '*void'], ['DriverSize', at(0x10, 0x20), 'unsigned long'],
      ['DriverExtension', at(0x18, 0x30), '*_DRIVER_EXTENSION'], ['DriverName', at(0x1c, 0x38), '_UNICODE_STRING'],
    ]],
    _DRIVER_EXTENSION: [at(0x14, 0x28), [['ServiceKeyName', at(0xc, 0x18), '_UNICODE_STRING']]],
    _OBJECT_DIRECTORY: [at(0x94, 0x128), [['HashBuckets', 0, '*_OBJECT_DIRECTORY_ENTRY[37]']]],
    _OBJECT_DIRECTORY_ENTRY: [at(0xc, 0x18), [['ChainLink', 0, '*_OBJECT_DIRECTORY_ENTRY'], ['Object', pointerSize, '*void'], ['HashValue', 2 * pointerSize, 'unsigned long']]],
    _OBJECT_HEADER_NAME_INFO: [at(0x10, 0x20), [['Directory', 0, '*_OBJECT_DIRECTORY'], ['Name', pointerSize, '_UNICODE_STRING']]],
    _KUSER_SHARED_DATA: [0x700, [
      ['SystemTime', 0x14, '_KSYSTEM_TIME'], ['NtSystemRoot', 0x30, 'wchar[260]'], ['NtProductType', 0x264, 'unsigned long'],
      ['NtMajorVersion', 0x26c, 'unsigned long'], ['NtMinorVersion', 0x270, 'unsigned long'],
    ]],
  };
}
