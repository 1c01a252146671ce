import { driverObject } from './drivers.js';
import { familyProfile, type Family } from './families.js';
import { machine, type Machine, type MachineOptions } from './machine.js';
import { BOOT, type ProcessSpec } from './processes.js';
import type { ModeName } from './table-rules.js';
import { tebPlace, type ModuleSpec } from './user-memory.js';

/** A GUID that no table knows. */
export const UNKNOWN_SYMBOLS = 'A5A5A5A5C0DE4BAD8123456789ABCDEF-1';

/** Where user programs and drivers lie, by the width of pointers. */
const PLACES = {
  8: { program: 0x7ff6_1111_0000n, library: 0x7ffa_2222_0000n, extra: 0x7ffa_3333_0000n, data: 0x22_0000n, hal: 0xffff_f801_2d00_0000n, driver: 0xffff_f801_4000_0000n },
  4: { program: 0x40_0000n, library: 0x7700_0000n, extra: 0x6b00_0000n, data: 0x22_0000n, hal: 0x8010_0000n, driver: 0xf850_0000n },
} as const;
/** 32-bit kernels since Vista have their drivers elsewhere. */
const SINCE_VISTA = { ...PLACES[4], driver: 0x8b00_0000n } as const;
/** Before Windows 8.1 x64 has 44 bits of address, and 8 TiB for programs. */
const BEFORE_8_1 = { ...PLACES[8], program: 0x1_3f11_0000n, library: 0x7fe_2222_0000n, extra: 0x7fe_3333_0000n, hal: 0xffff_f800_0140_0000n, driver: 0xffff_f880_0110_0000n } as const;

/** What such a machine is made of. */
export interface StandardOptions extends MachineOptions {
  readonly family: Pick<Family, 'build'>;
  readonly mode: ModeName;
}

/** The names of the processes that do little, in the order of their PIDs from 400 on. */
const SERVICES = ['csrss.exe', 'wininit.exe', 'services.exe', 'lsass.exe', 'svchost.exe', 'svchost.exe', 'spoolsv.exe'];

interface ProgramSpec extends Partial<Pick<ProcessSpec, 'modules' | 'vads' | 'handles' | 'token'>> {
  readonly tids?: readonly number[];
  readonly path?: string;
  readonly command?: string;
}

/** Where the stacks of a program's threads begin. */
const STACK = 0x60_0000n;
const SYSTEM_THREADS = [8, 12, 16, 20];

/** A machine of any family and mode that runs a dozen processes: what `listing` lists of it. */
export function standard({ family: { build }, mode, ...options }: StandardOptions): Machine {
  const made = machine({
    profile: familyProfile(build, mode), mode, memory: 8 << 20, symbolFile: UNKNOWN_SYMBOLS, exports: 'as Windows', debuggerData: 'plain', ownSections: true, complete: true,
    system: { threads: SYSTEM_THREADS.map((tid) => ({ tid })), token: { user: 'S-1-5-18', groups: [['S-1-1-0', 7]], integrity: 'S-1-16-16384' }, handles: [{ type: 'Event' }] },
    symbolPath: mode === 'x86-pae' && build < 9200 ? 'ntkrpamp.pdb' : mode === 'x64-la57' ? 'ntkrla57.pdb' : 'ntkrnlmp.pdb', ...options,
  });
  const { pointerSize } = made.kernel.profile;
  const place = pointerSize === 8 ? (build < 9600 ? BEFORE_8_1 : PLACES[8]) : build < 6000 ? PLACES[4] : SINCE_VISTA;
  const { library, extra, data, hal, driver } = place;
  const ntdll: ModuleSpec = { base: library, pages: 6, name: 'ntdll.dll', path: 'C:\\Windows\\System32\\ntdll.dll', pe: { exports: { rva: 0x2000, name: 'ntdll.dll', functions: { NtClose: 0x1010 } } } };
  const image = (name: string, path: string): ModuleSpec => ({ base: place.program, pages: 4, name, path });

  /** What every program has: parameters, its image and ntdll, threads that began in it, each with TEB and stack. */
  const program = (name: string, pid: number, ppid: number, session: number, { tids = [pid + 4], path = `C:\\Windows\\System32\\${name}`, command = `${path} -k ${pid}`, modules = [image(name, path), ntdll], ...rest }: ProgramSpec): void => {
    made.process({
      name, pid, ppid, session, kernelPath: path.replace('C:', '\\Device\\HarddiskVolume1'), modules,
      parameters: { imagePath: path, commandLine: command, environment: ['SystemRoot=C:\\Windows', 'USERNAME=alice'] },
      threads: tids.map((tid, i) => ({
        tid, created: BOOT + BigInt(pid) * 10_000_000n + BigInt(i), start: library + 0x1010n, win32Start: place.program + 0x1000n,
        teb: { address: tebPlace(made.kernel, i), stackBase: STACK + BigInt(i + 1) * 0x1_0000n, stackLimit: STACK + BigInt(i) * 0x1_0000n + 0x8000n },
      })),
      ...rest,
      vads: [...(rest.vads ?? []), { start: STACK, pages: 16 * tids.length, commit: 8 }],
    });
  };
  program('smss.exe', 300, 4, 0, { token: { user: 'S-1-5-18', integrity: 'S-1-16-16384' } });
  SERVICES.forEach((name, i) => {
    const pid = 400 + i * 44;
    program(name, pid, i < 2 ? 300 : i === 2 ? 444 : 488, 0, {
      tids: [pid + 4, pid + 8],
      vads: [{ start: data + BigInt(i) * 0x2_0000n, pages: 4, commit: 4, bytes: Buffer.from(name) }],
      handles: [{ pid: 300 }, { type: 'Event', name: `Event${i}` }],
      token: { user: i < 4 ? 'S-1-5-18' : 'S-1-5-19', groups: [['S-1-1-0', 7]], integrity: 'S-1-16-16384', present: 0x10_0000n, enabled: 0x10_0000n },
    });
  });
  program('explorer.exe', 1204, 300, 1, {
    path: 'C:\\Windows\\explorer.exe', command: '"C:\\Windows\\explorer.exe" /factory', tids: [1208, 1212],
    modules: [{ base: place.program, pages: 8, name: 'explorer.exe', path: 'C:\\Windows\\explorer.exe' }, ntdll, { base: extra, pages: 4, name: 'shell32.dll', path: 'C:\\Windows\\System32\\shell32.dll' }],
    vads: [
      { start: 0x1_0000n, pages: 4, protection: 6, commit: 4, bytes: Buffer.from('work') },
      { start: data, pages: 3, protection: 1, file: '\\Users\\alice\\notes.txt', bytes: Buffer.alloc(3 * 4096, 'notes ') },
      { start: 0x30_0000n, pages: 64, protection: 4, commit: 2 },
    ],
    handles: [{ pid: 400 }, { type: 'File', path: '\\Users\\alice\\notes.txt', access: 0x12_0089 }, { type: 'Mutant', name: 'OnlyOne' }, { type: 'Event', value: 0x404 }],
    token: { user: 'S-1-5-21-1-2-3-1001', groups: [['S-1-1-0', 7], ['S-1-5-32-544', 0xf]], integrity: 'S-1-16-8192', session: 1, present: 0x80_0000n, enabled: 0x80_0000n },
  });
  ['winlogon.exe', 'dwm.exe', 'taskhostw.exe'].forEach((name, i) => {
    program(name, 1404 + i * 16, 300, 1, { token: { user: i === 2 ? 'S-1-5-21-1-2-3-1001' : 'S-1-5-18', integrity: 'S-1-16-8192', session: 1 } });
  });
  program('averylongname.exe', 1304, 1204, 1, { token: { user: 'S-1-5-21-1-2-3-1001', integrity: 'S-1-16-8192', session: 1 } });
  made.process({ name: 'ended.exe', pid: 1504, ppid: 1204, exited: BOOT + 99_999_999_999n });
  made.driver({ name: 'hal.dll', path: '\\SystemRoot\\system32\\hal.dll', base: hal, pages: 16 });
  for (const [i, name] of ['disk', 'ntfs', 'tcpip'].entries()) {
    const base = driver + BigInt(i) * 0x10_0000n;
    made.driver({ name: `${name}.sys`, path: `\\SystemRoot\\System32\\drivers\\${name}.sys`, base, pages: 16 });
    driverObject(made, name, base, 0x1_0000, name === 'ntfs' ? '\\FileSystem' : '\\Driver');
  }
  return made;
}
