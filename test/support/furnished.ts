import { driverObject } from './drivers.js';
import { dword, sz, type KeyToWrite } from './hive-bytes.js';
import { loadHive } from './hives.js';
import { machine, type Machine, type MachineOptions } from './machine.js';
import { SyntheticNetwork } from './network.js';
import { peImage } from './pe-image.js';
import { BOOT } from './processes.js';

const EXPLORER = 0x7ff6_1111_0000n;
const INJECTED = peImage({ sizeOfImage: 0x4000, dll: true, sections: [{ name: '.text', rva: 0x1000, size: 0x3000 }] })[0]!.bytes;
const DISK = 0xffff_f801_4000_0000n;
const NTDLL = 0x7ffa_2222_0000n;

const SYSTEM: KeyToWrite = { name: 'ROOT', keys: [
  { name: 'ControlSet001', keys: [{ name: 'Control', keys: [
    { name: 'ComputerName', keys: [{ name: 'ComputerName', values: [{ name: 'ComputerName', type: 1, data: sz('WORKSTATION') }] }] },
    { name: 'TimeZoneInformation', values: [{ name: 'TimeZoneKeyName', type: 1, data: sz('W. Europe Standard Time') }] },
  ] }] },
  { name: 'Select', values: [{ name: 'Current', type: 4, data: dword(1) }] },
] };

/** A machine with some of everything: for tests that ask the same of whatever is there. */
export function furnished(options: MachineOptions = {}): Machine {
  const made = machine({ memory: 8 << 20, ...options });
  made.process({ name: 'smss.exe', pid: 300, kernelPath: '\\Device\\HarddiskVolume3\\Windows\\System32\\smss.exe', token: { user: 'S-1-5-18', integrity: 'S-1-16-16384' } });
  made.process({
    name: 'explorer.exe', pid: 1204, ppid: 300, session: 1, kernelPath: '\\Device\\HarddiskVolume3\\Windows\\explorer.exe',
    parameters: { imagePath: 'C:\\Windows\\explorer.exe', commandLine: 'C:\\Windows\\explorer.exe', environment: ['SystemRoot=C:\\Windows', 'USERNAME=alice'] },
    modules: [
      { base: EXPLORER, pages: 8, name: 'explorer.exe', path: 'C:\\Windows\\explorer.exe', loaded: BOOT + 5n },
      { base: NTDLL, pages: 8, name: 'ntdll.dll', path: 'C:\\Windows\\System32\\ntdll.dll', pe: { exports: { rva: 0x2000, name: 'ntdll.dll', functions: { NtClose: 0x1010, RtlZero: 0x1020 } } } },
      { base: 0x7ffa_3333_0000n, pages: 4, name: 'hidden.dll', path: 'C:\\Temp\\hidden.dll', linked: false },
    ],
    vads: [
      { start: 0x1_0000n, pages: 4, protection: 6, commit: 4, bytes: INJECTED },
      { start: 0x2_0000n, pages: 8, states: {
        0: { kind: 'present', bytes: Buffer.from('present') }, 1: { kind: 'transition', bytes: Buffer.from('moved') }, 2: { kind: 'demand-zero' },
        3: { kind: 'pagefile', number: 0, offset: 0x321 },
      } },
      { start: 0x10_0000n, pages: 4, protection: 1, file: '\\Users\\alice\\notes.txt', bytes: Buffer.alloc(4 * 4096, 'notes '), states: {
        0: { kind: 'prototype' }, 1: { kind: 'prototype' }, 2: { kind: 'vad-prototype' },
      } },
    ],
    handles: [{ pid: 300 }, { type: 'File', path: '\\Users\\alice\\notes.txt' }, { type: 'Mutant', name: 'OnlyOne' }, { type: 'Event', value: 0x1404 }],
    threads: [
      { tid: 1300, win32Start: EXPLORER + 0x1000n, teb: { address: 0xe4_8a20_4000n, stackBase: 0x2_8000n, stackLimit: 0x2_0000n }, trap: { rip: NTDLL + 0x1010n, rsp: 0x2_0800n } },
      { tid: 1304, exited: BOOT + 99_999_999_999n },
    ],
    token: { user: 'S-1-5-21-1-2-3-1001', groups: [['S-1-1-0', 7], ['S-1-5-32-544', 0xf]], integrity: 'S-1-16-8192', session: 1, present: 0x10_0000n, enabled: 0x10_0000n },
  });
  made.process({ name: 'hidden.exe', pid: 1404, ppid: 1204, token: { user: 'S-1-5-18' }, parameters: { imagePath: 'C:\\Temp\\hidden.exe', commandLine: 'hidden.exe' }, threads: [{ tid: 1408 }] }).unlink(1404);
  made.process({ name: 'ended.exe', pid: 1504, ppid: 1204, exited: BOOT + 99_999_999_999n });
  made.driver({ name: 'disk.sys', path: '\\SystemRoot\\System32\\drivers\\disk.sys', base: DISK, pages: 16 });
  driverObject(made, 'disk', DISK, 0x1_0000);
  const network = new SyntheticNetwork(made);
  network.tcp({ local: [192, 168, 1, 5], localPort: 50_001, remote: [203, 0, 113, 66], remotePort: 443, state: 4, pid: 1204, created: BOOT + 1n });
  network.port({ kind: 'listener', version: 4, port: 135, pid: 300, created: BOOT + 1n });
  network.port({ kind: 'udp', version: 6, port: 5353, pid: 1204, created: BOOT + 1n });
  loadHive(made, '\\REGISTRY\\MACHINE\\SYSTEM', SYSTEM);
  return made;
}
