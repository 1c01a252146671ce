import { exactKernels } from './bundled.js';
import { bundledFile, structsOf, type PackedLayouts } from './layout-set.js';
import { MACHINE, machineName } from './machine.js';
import { Profile } from './profile.js';

/** `kind` is `pae` for a 32-bit kernel with page table entries of 8 bytes where the version's other kernel has 4, else empty. */
type LayoutRow = readonly [version: string, machine: number, source: string, layoutSet: number, kind: string];

/** data/layouts.json.br: layouts of builds whose symbols are not bundled. */
interface Layouts extends PackedLayouts {
  readonly layouts: readonly LayoutRow[];
}

let database: Layouts | undefined;

/** Read only when a kernel is not known exactly: about 20 ms. */
export function bundledLayouts(): Layouts {
  return database ??= bundledFile('layouts') as Layouts;
}

/**
 * Windows by age: builds of one row share their layouts but for details. What a build that is not in the list is near to is told by its place.
 */
export const FAMILIES: readonly { readonly name: string; readonly builds: readonly number[] }[] = [
  { name: 'Windows XP', builds: [2600] },
  { name: 'Windows Server 2003, XP x64', builds: [3790] },
  { name: 'Windows Vista, Server 2008', builds: [6000, 6001, 6002, 6003] },
  { name: 'Windows 7, Server 2008 R2', builds: [7600, 7601] },
  { name: 'Windows 8, Server 2012', builds: [9200] },
  { name: 'Windows 8.1, Server 2012 R2', builds: [9600] },
  { name: 'Windows 10 1507', builds: [10240] },
  { name: 'Windows 10 1511', builds: [10586] },
  { name: 'Windows 10 1607, Server 2016', builds: [14393] },
  { name: 'Windows 10 1703', builds: [15063] },
  { name: 'Windows 10 1709', builds: [16299] },
  { name: 'Windows 10 1803', builds: [17134] },
  { name: 'Windows 10 1809, Server 2019', builds: [17763] },
  { name: 'Windows 10 1903, 1909', builds: [18326, 18362, 18363] },
  { name: 'Windows 10 2004 to 22H2', builds: [19041, 19042, 19043, 19044, 19045] },
  { name: 'Windows Server 2022', builds: [20348] },
  { name: 'Windows 11 21H2', builds: [22000] },
  { name: 'Windows 11 22H2, 23H2', builds: [22621, 22631] },
  // From the insider build 26019 on, the process is laid out anew.
  { name: 'Windows 11 24H2, 25H2, Server 2025', builds: [26019, 26100, 26200] },
  { name: 'Windows 11 26H1 and later', builds: [28000] },
];

/** Place of a build among the families: whole for one that is in the list, else between its neighbours. */
export function familyOf(build: number): number {
  const at = FAMILIES.findIndex(({ builds }) => builds.includes(build));
  if (at >= 0) return at;
  const above = FAMILIES.findIndex(({ builds }) => builds[0]! > build);
  return (above < 0 ? FAMILIES.length : above) - 0.5;
}

/** Insider builds this near to a release have its layouts. */
const CLOSE = 60;

/** The kernel that layouts are wanted for. */
export interface LayoutsWanted {
  /** `IMAGE_FILE_HEADER.Machine`. For ARM64 those of x64 come after its own: most structures are the same. */
  readonly machine: number;
  /** 0 when not known: then one layout of each family comes first, the newest family before the others. */
  readonly build: number;
  /** The last part of the version. */
  readonly revision?: number | undefined;
  /** 32-bit only: whether page tables have entries of 8 bytes. */
  readonly pae?: boolean | undefined;
  /** Offsets that are known of this very kernel (`KernelIdentity.fields`): layouts that contradict them come last. */
  readonly fields?: Readonly<Record<string, number>> | undefined;
}

interface Candidate {
  /** GUID and age for an exact kernel, `10.0.19041.264-x86` or `5.1.2600.5512-x86-pae` for others. */
  readonly id: string;
  readonly version: string;
  readonly machine: number;
  /** Whose reading of the symbol files, where it is not the exact kernels'. */
  readonly source: string | undefined;
  readonly packed: PackedLayouts;
  readonly set: number;
}

/**
 * Layouts of the bundled builds nearest to a kernel, best first, each layout set once: the same build by distance of revision, then
 * its family, then the families around it. Their symbols are not this kernel's: the caller gives its own.
 *
 * @param symbol relative virtual addresses of the kernel in the image, as far as the caller knows any
 */
export function* layoutProfiles(wanted: LayoutsWanted, symbol: (name: string) => number | undefined): Generator<Profile> {
  const seen = new Map<PackedLayouts, Set<number>>();
  for (const candidate of ordered(wanted)) {
    const sets = seen.get(candidate.packed) ?? new Set();
    if (sets.has(candidate.set)) continue;
    seen.set(candidate.packed, sets.add(candidate.set));
    yield profileOf(candidate, symbol, wanted.machine);
  }
}

/**
 * The layouts that `layoutProfiles` gave once, again, by the profile's id; undefined for an id that is not bundled.
 * @param machine of the kernel in the image, where it is not the layouts' own
 */
export function layoutProfile(id: string, symbol: (name: string) => number | undefined, machine?: number): Profile | undefined {
  const candidate = exactCandidates().find((one) => one.id === id) ?? otherCandidates().find((one) => one.id === id);
  return candidate === undefined ? undefined : profileOf(candidate, symbol, machine ?? candidate.machine);
}

function profileOf({ id, version, machine, source, packed, set }: Candidate, symbol: (name: string) => number | undefined, wanted: number): Profile {
  const label = `layouts of ${version} ${machineName(machine)}${source === undefined ? '' : ` (${source})`}`;
  return new Profile(id, version, 'nearest', machine === MACHINE.x86 ? 4 : 8, structsOf(packed, set), symbol, label, wanted);
}

function exactCandidates(): Candidate[] {
  const packed = exactKernels();
  return packed.kernels.map(([id, version, machine, set]) => ({ id, version, machine, source: undefined, packed, set }));
}

function otherCandidates(): Candidate[] {
  const packed = bundledLayouts();
  return packed.layouts.map(([version, machine, source, set, kind]) => (
    { id: `${version}-${machineName(machine)}${kind === '' ? '' : `-${kind}`}`, version, machine, source, packed, set }));
}

function ordered({ machine, build, revision = 0, pae, fields = {} }: LayoutsWanted): Candidate[] {
  const exact = exactCandidates();
  const fits = machine === MACHINE.arm64 ? [MACHINE.arm64, MACHINE.x64] : [machine];
  const candidates = [...exact, ...otherCandidates()].filter((candidate) => fits.includes(candidate.machine));
  const family = familyOf(build);
  const rank = (candidate: Candidate): readonly number[] => {
    const [, , ownBuild = 0, ownRevision = 0] = candidate.version.split('.').map(Number);
    const entry = pae === undefined ? undefined : structsOf(candidate.packed, candidate.set)('_MMPTE')?.[0];
    const own = familyOf(ownBuild);
    return [
      Number(candidate.machine !== machine), Number(contradicts(candidate, fields)), Math.abs(own - family), Number(entry !== undefined && (entry === 8) !== pae),
      // A build between two families is a later one of the first, unless it all but belongs to the second.
      Number(own > family && ownBuild - build > CLOSE), Math.abs(ownBuild - build), Math.abs(ownRevision - revision), Number(!exact.includes(candidate)),
    ];
  };
  if (build === 0) return spread(candidates.map((candidate) => ({ candidate, rank: rank(candidate) })));
  const ranked = candidates.map((candidate) => ({ candidate, rank: rank(candidate) }));
  ranked.sort((a, b) => compare(a.rank, b.rank));
  return ranked.map(({ candidate }) => candidate);
}

/** Whether a known offset of the process is another one in these layouts. */
function contradicts({ packed, set }: Candidate, fields: Readonly<Record<string, number>>): boolean {
  const known = Object.entries(fields).filter(([path]) => path.startsWith('_EPROCESS.'));
  if (known.length === 0) return false;
  const process = structsOf(packed, set)('_EPROCESS');
  return known.some(([path, offset]) => process?.[1].some(([name, own]) => `_EPROCESS.${name}` === path && own !== offset) === true);
}

/** One of each family, newest first, then the next of each: for a kernel that says nothing of its age. */
function spread(ranked: readonly { readonly candidate: Candidate; readonly rank: readonly number[] }[]): Candidate[] {
  const families = new Map<string, Candidate[]>();
  for (const { candidate, rank } of [...ranked].reverse()) {
    // What ranks before the family (the machine) and what decides within it (PAE) keep their say.
    const key = `${rank[0]}|${rank[3]}|${familyOf(buildOf(candidate.version))}`;
    families.set(key, [...families.get(key) ?? [], candidate]);
  }
  const order = [...families].map(([key, members]) => ({ key: key.split('|').map(Number), members }));
  const rows = order.flatMap(({ key: [machine = 0, pae = 0, family = 0], members }) => members.map((member, at) => ({ member, rank: [machine, pae, at, -family] })));
  rows.sort((a, b) => compare(a.rank, b.rank));
  return rows.map(({ member }) => member);
}

function buildOf(version: string): number {
  return Number(version.split('.')[2] ?? 0);
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at < 0 ? 0 : a[at]! - b[at]!;
}
