import { structsOf } from '../../src/profile/layout-set.js';
import { bundledLayouts, layoutProfiles } from '../../src/profile/layouts.js';
import { Profile, type StructFact } from '../../src/profile/profile.js';
import { TABLE_RULES, type ModeName } from './table-rules.js';

/** A Windows that many builds share their layouts with, and a build of it. */
export interface Family {
  readonly name: string;
  readonly build: number;
  /** Kernel processors translate by these; the first one is the usual. */
  readonly modes: readonly ModeName[];
}

const BOTH: readonly ModeName[] = ['x64', 'x86-pae'];

/** One build of each family, oldest first. */
export const WINDOWS: readonly Family[] = [
  { name: 'XP', build: 2600, modes: ['x86'] },
  { name: 'Server 2003', build: 3790, modes: ['x86', 'x64'] },
  { name: 'Vista', build: 6002, modes: ['x86', 'x64'] },
  { name: '7', build: 7601, modes: ['x86', 'x86-pae', 'x64'] },
  { name: '8', build: 9200, modes: BOTH },
  { name: '8.1', build: 9600, modes: BOTH },
  { name: '10 1507', build: 10_240, modes: BOTH },
  { name: '10 1511', build: 10_586, modes: BOTH },
  { name: '10 1607', build: 14_393, modes: BOTH },
  { name: '10 1703', build: 15_063, modes: BOTH },
  { name: '10 1709', build: 16_299, modes: BOTH },
  { name: '10 1803', build: 17_134, modes: BOTH },
  { name: '10 1809', build: 17_763, modes: BOTH },
  { name: '10 1903', build: 18_362, modes: BOTH },
  { name: '10 2004', build: 19_041, modes: BOTH },
  { name: '11 21H2', build: 22_000, modes: ['x64', 'arm64', 'x64-la57'] },
  { name: '11 22H2', build: 22_621, modes: ['x64'] },
  { name: '11 23H2', build: 22_631, modes: ['x64'] },
  { name: '11 24H2', build: 26_100, modes: ['x64'] },
];

/** The variables that a kernel of no bundled table has, with the bytes that they take. */
const VARIABLES: readonly (readonly [name: string, size: number])[] = [
  ['PsInitialSystemProcess', 8], ['PsLoadedModuleList', 16], ['PsActiveProcessHead', 16], ['PspCidTable', 8], ['NtBuildNumber', 4], ['NtBuildLab', 64],
  ['KeNumberProcessors', 4], ['PsProcessType', 8], ['PsThreadType', 8], ['PsJobType', 8], ['IoFileObjectType', 8], ['IoDriverObjectType', 8],
  ['IoDeviceObjectType', 8], ['MmSectionObjectType', 8], ['SeTokenObjectType', 8], ['ExEventObjectType', 8], ['ExMutantObjectType', 8],
  ['CmKeyObjectType', 8], ['AlpcPortObjectType', 8], ['MmHighestUserAddress', 8], ['CmpHiveListHead', 16], ['HandleTableListHead', 16],
  ['ObpRootDirectoryObject', 8], ['ObpTypeObjectType', 8], ['ObpDirectoryObjectType', 8], ['ObpSymbolicLinkObjectType', 8],
  ['KdDebuggerDataBlock', 0x400], ['KdpDebuggerDataListHead', 16], ['KdpDataBlockEncoded', 1], ['KiWaitNever', 8], ['KiWaitAlways', 8],
];
const SINCE_7: readonly (readonly [name: string, size: number])[] = [['ObTypeIndexTable', 0x800], ['ObpInfoMaskToOffset', 0x100]];
const SINCE_10: readonly (readonly [name: string, size: number])[] = [['ObHeaderCookie', 1]];
/** Where the kernel's data begins, in bytes from its base. */
const DATA = 0x18_0000;

/** Layouts of a family for a mode, with symbols where no known kernel has them. Throws when this family's layouts are not bundled. */
export function familyProfile(build: number, mode: ModeName, seed = 1): Profile {
  const { machine, name } = TABLE_RULES[mode];
  const symbols = new Map<string, number>();
  let next = DATA + seed * 0x1000;
  for (const [variable, size] of [...VARIABLES, ...(build >= 7600 ? SINCE_7 : []), ...(build >= 10_000 ? SINCE_10 : [])]) {
    symbols.set(variable, next);
    next += (size + 0x2f) & ~0xf;
  }
  const symbol = (wanted: string): number | undefined => symbols.get(wanted);
  if (mode === 'arm64') return armProfile(build, symbol);
  for (const found of layoutProfiles({ machine, build, ...(name === 'x86' ? { pae: false } : name === 'x86-pae' ? { pae: true } : {}) }, symbol)) {
    if (found.build !== build) break;
    return found;
  }
  throw new Error(`no layouts of build ${build} for ${mode} are bundled`);
}

/** By how much the threads of the synthetic ARM64 differ from x64's: as much as nobody has published. */
const THREADS_DIFFER = 0x18;
/** Up to here `_KTHREAD` is known to be the same. */
const THREADS_AGREE = 0x60;

/** Public layouts of ARM64 lack most of its threads: here they are x64's, moved. */
function armProfile(build: number, symbol: (name: string) => number | undefined): Profile {
  const layouts = bundledLayouts();
  const of = (wanted: number): ((name: string) => StructFact | undefined) => {
    const row = layouts.layouts.find(([version, machine]) => machine === wanted && version.split('.')[2] === String(build));
    if (row === undefined) throw new Error(`no layouts of build ${build} for machine 0x${wanted.toString(16)} are bundled`);
    return structsOf(layouts, row[3]);
  };
  const [arm, x64] = [of(TABLE_RULES.arm64.machine), of(TABLE_RULES.x64.machine)];
  const structs = (name: string): StructFact | undefined => {
    const fact = name === '_KTHREAD' || name === '_ETHREAD' ? x64(name) : undefined;
    if (fact === undefined) return arm(name);
    const [size, fields] = fact;
    return [size + THREADS_DIFFER, fields.map(([field, offset, type]) => [field, offset >= THREADS_AGREE ? offset + THREADS_DIFFER : offset, type])];
  };
  return new Profile('', `10.0.${build}.0`, 'nearest', 8, structs, symbol, `the synthetic ARM64 of ${build}`, TABLE_RULES.arm64.machine);
}
