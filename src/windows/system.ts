import { isFiletime } from '../bytes/filetime.js';
import { architecture } from '../paging/mode.js';
import type { Kernel } from './kernel.js';

/** What the system says of itself. Undefined where the image does not say it. */
export interface SystemFacts {
  readonly major: number | undefined;
  readonly minor: number | undefined;
  readonly build: number | undefined;
  /** `X64`, `X86`, `X86PAE`, `ARM64`. */
  readonly architecture: string;
  /** FILETIMEs. */
  readonly bootTime: bigint | undefined;
  readonly captureTime: bigint | undefined;
  readonly computerName: string | undefined;
  readonly timeZone: string | undefined;
  readonly processors: number | undefined;
}

/** Where members of `_KUSER_SHARED_DATA` lie: the same since Windows 2000, for all architectures; NtBuildNumber since Windows 10. */
const SHARED_OFFSETS: Readonly<Record<'SystemTime' | 'NtBuildNumber' | 'NtMajorVersion' | 'NtMinorVersion', number>> = {
  SystemTime: 0x14, NtBuildNumber: 0x260, NtMajorVersion: 0x26c, NtMinorVersion: 0x270,
};

/**
 * @param bootTime creation time of System, which is made at boot
 * @param registry a registry value's text by path; undefined when it is not in memory
 */
export function systemFacts(kernel: Kernel, bootTime: bigint | undefined, registry: (path: string, value: string) => string | undefined): SystemFacts {
  const control = 'HKLM\\SYSTEM\\CurrentControlSet\\Control';
  return {
    ...version(kernel),
    architecture: architecture(kernel.mode),
    bootTime,
    captureTime: captureTime(kernel),
    computerName: registry(`${control}\\ComputerName\\ActiveComputerName`, 'ComputerName')
      ?? registry(`${control}\\ComputerName\\ComputerName`, 'ComputerName'),
    timeZone: registry(`${control}\\TimeZoneInformation`, 'TimeZoneKeyName')
      ?? registry(`${control}\\TimeZoneInformation`, 'StandardName'),
    processors: processors(kernel),
  };
}

function version(kernel: Kernel): Pick<SystemFacts, 'major' | 'minor' | 'build'> {
  const build = (integer(kernel, kernel.symbol('NtBuildNumber')) ?? 0) & 0xffff;
  const major = shared(kernel, 'NtMajorVersion');
  return {
    major,
    minor: shared(kernel, 'NtMinorVersion'),
    // The upper bits tell free from checked builds.
    build: build || kernel.profile.build || (major !== undefined && major >= 10 ? (shared(kernel, 'NtBuildNumber') ?? 0) & 0xffff : 0) || undefined,
  };
}

/** KeNumberProcessors: a byte before Windows Vista. */
function processors(kernel: Kernel): number | undefined {
  const count = integer(kernel, kernel.symbol('KeNumberProcessors'));
  return count === undefined || kernel.profile.build >= 6000 ? count : count & 0xff;
}

function shared(kernel: Kernel, field: keyof typeof SHARED_OFFSETS): number | undefined {
  return integer(kernel, sharedAddress(kernel, field));
}

function sharedAddress({ profile, mode }: Kernel, field: keyof typeof SHARED_OFFSETS): bigint {
  return mode.sharedData + BigInt(profile.field('_KUSER_SHARED_DATA', field)?.offset ?? SHARED_OFFSETS[field]);
}

/** `_KUSER_SHARED_DATA.SystemTime`: a KSYSTEM_TIME, low part and first high part. */
export function captureTime(kernel: Kernel): bigint | undefined {
  const time = kernel.memory.read(sharedAddress(kernel, 'SystemTime'), 8)?.readBigUInt64LE(0);
  return time !== undefined && isFiletime(time) ? time : undefined;
}

function integer(kernel: Kernel, address: bigint | undefined): number | undefined {
  return address === undefined ? undefined : kernel.memory.read(address, 4)?.readUInt32LE(0);
}
