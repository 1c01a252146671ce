import type { AddressSpace } from '../paging/address-space.js';
import { peHeader } from '../pe/header.js';
import { versionInfo } from '../pe/version.js';
import { kernelIdentity } from '../profile/identities.js';
import type { KernelImage } from './find-kernel.js';

/** What version a kernel is, and what says so. */
export interface KernelVersion {
  /** `10.0.19041.2965`; the last part is 0 where only the build is known. */
  readonly text: string;
  readonly build: number;
  readonly revision: number | undefined;
  /** `version resource`, `link time and size of its file`, `NtBuildNumber`, `shared data of all processes`. */
  readonly from: string;
}

const VERSION = /^(\d{1,3})\.(\d{1,3})\.(\d{1,6})\.(\d{1,7})$/;

/**
 * The version of a kernel image by what it carries itself, the most telling first: its version resource, the table of known
 * kernel files by link time and size, NtBuildNumber; then by what it tells all processes. Undefined when none of them is in memory.
 */
export function kernelVersion(space: AddressSpace, image: KernelImage): KernelVersion | undefined {
  return byHeader(space, image) ?? byBuildNumber(space, image) ?? byShared(space);
}

function byHeader(space: AddressSpace, { base }: KernelImage): KernelVersion | undefined {
  const header = peHeader(space, base);
  if (header === undefined) return undefined;
  const fixed = versionInfo(space, base, header)?.fixed;
  const version = fixed === undefined ? undefined : parsed(fixed, 'version resource');
  if (version !== undefined) return version;
  const known = kernelIdentity(header.machine, header.timestamp, header.sizeOfImage);
  return known === undefined ? undefined : parsed(known.version, 'link time and size of its file');
}

function byBuildNumber(space: AddressSpace, { base, exported }: KernelImage): KernelVersion | undefined {
  const rva = exported('NtBuildNumber');
  const number = rva === undefined ? undefined : space.read(base + BigInt(rva), 4)?.readUInt32LE(0);
  // The upper bits tell free from checked builds.
  const build = (number ?? 0) & 0xffff;
  if (build === 0) return undefined;
  return { text: `${majorMinor(build)}.${build}.0`, build, revision: undefined, from: 'NtBuildNumber' };
}

/** Builds before Windows 10 by the major and minor version that `_KUSER_SHARED_DATA` says, the last service pack. */
const LAST_BUILDS: Readonly<Record<string, number>> = { '5.0': 2195, '5.1': 2600, '5.2': 3790, '6.0': 6002, '6.1': 7601, '6.2': 9200, '6.3': 9600 };

/** `_KUSER_SHARED_DATA`: NtMajorVersion, NtMinorVersion and, since Windows 10, NtBuildNumber. */
function byShared(space: AddressSpace): KernelVersion | undefined {
  const bytes = space.read(space.mode.sharedData + 0x260n, 0x14);
  if (bytes === undefined) return undefined;
  const [major, minor] = [bytes.readUInt32LE(0xc), bytes.readUInt32LE(0x10)];
  const build = major >= 10 ? bytes.readUInt32LE(0) & 0xffff : LAST_BUILDS[`${major}.${minor}`];
  if (build === undefined || build === 0 || major > 99 || minor > 99) return undefined;
  return { text: `${major}.${minor}.${build}.0`, build, revision: undefined, from: 'shared data of all processes' };
}

function parsed(text: string, from: string): KernelVersion | undefined {
  const [, , , build, revision] = VERSION.exec(text) ?? [];
  return build === undefined || build === '0' ? undefined : { text, build: Number(build), revision: Number(revision), from };
}

/** The version of Windows that a build belongs to. */
export function majorMinor(build: number): string {
  if (build >= 9841) return '10.0';
  if (build >= 9400) return '6.3';
  if (build >= 8000) return '6.2';
  if (build >= 6600) return '6.1';
  if (build >= 5000) return '6.0';
  if (build >= 3790) return '5.2';
  return build >= 2600 ? '5.1' : '5.0';
}
