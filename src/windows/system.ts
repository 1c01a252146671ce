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

/** Where the kernel maps `_KUSER_SHARED_DATA`, by pointer size (KI_USER_SHARED_DATA). */
const SHARED_DATA: Readonly<Record<4 | 8, bigint>> = { 4: 0xffdf_0000n, 8: 0xffff_f780_0000_0000n };

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
    processors: integer(kernel, kernel.symbol('KeNumberProcessors'), 4),
  };
}

function version(kernel: Kernel): Pick<SystemFacts, 'major' | 'minor' | 'build'> {
  const build = integer(kernel, kernel.symbol('NtBuildNumber'), 4);
  return {
    major: shared(kernel, 'NtMajorVersion'),
    minor: shared(kernel, 'NtMinorVersion'),
    // The upper bits tell free from checked builds.
    build: build === undefined || (build & 0xffff) === 0 ? kernel.profile.build || undefined : build & 0xffff,
  };
}

function shared(kernel: Kernel, field: string): number | undefined {
  const found = kernel.profile.field('_KUSER_SHARED_DATA', field);
  return found === undefined ? undefined : integer(kernel, SHARED_DATA[kernel.pointerSize] + BigInt(found.offset), 4);
}

/** `_KUSER_SHARED_DATA.SystemTime`: a KSYSTEM_TIME, low part and first high part. */
export function captureTime(kernel: Kernel): bigint | undefined {
  const field = kernel.profile.field('_KUSER_SHARED_DATA', 'SystemTime');
  if (field === undefined) return undefined;
  const bytes = kernel.memory.read(SHARED_DATA[kernel.pointerSize] + BigInt(field.offset), 8);
  const time = bytes?.readBigUInt64LE(0);
  return time !== undefined && isFiletime(time) ? time : undefined;
}

function integer(kernel: Kernel, address: bigint | undefined, size: 4): number | undefined {
  return address === undefined ? undefined : kernel.memory.read(address, size)?.readUInt32LE(0);
}
