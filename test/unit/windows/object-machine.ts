import { Anomalies } from '../../../src/bytes/anomaly.js';
import type { PagedMemory } from '../../../src/paging/address-space.js';
import { X64 } from '../../../src/paging/mode.js';
import { SOFTWARE_PTE } from '../../../src/paging/pte.js';
import { bundledProfile, knownKernels, nearestProfiles } from '../../../src/profile/bundled.js';
import type { Profile } from '../../../src/profile/profile.js';
import { Kernel } from '../../../src/windows/kernel.js';
import { Process, type ProcessFacts } from '../../../src/windows/process.js';
import { SyntheticKernel } from '../../support/kernel-image.js';
import type { View } from '../../support/layout.js';
import { Objects } from '../../support/objects.js';
import { PAGE, type PhysicalImage } from '../../support/physical.js';
import { Space } from '../../support/tables.js';

/** One build of each way to write handles, types and names: Windows 7, 8.1, the first and later ones of 10, 11. */
export const BUILDS = [7601, 9600, 14393, 17763, 19041, 22000] as const;

/** The last bundled profile of a build. */
export function profileOf(build: number): Profile {
  const known = knownKernels().filter(({ version }) => version.split('.')[2] === String(build)).at(-1);
  const profile = known === undefined ? undefined : bundledProfile(known.id);
  if (profile === undefined) throw new Error(`no kernel of build ${build} is bundled`);
  return profile;
}

/** The layouts of a build, without some of its symbols. */
export function withoutSymbols(build: number, absent: readonly string[]): Profile {
  const whole = profileOf(build);
  for (const profile of nearestProfiles(build, undefined, (name) => (absent.includes(name) ? undefined : whole.symbol(name)))) return profile;
  throw new Error(`no layout near build ${build} is bundled`);
}

function pagedMemory(image: PhysicalImage): PagedMemory {
  const read = (address: number, length: number): Buffer | undefined =>
    (address + length > image.size ? undefined : image.bytes.subarray(address, address + length));
  return {
    size: image.size,
    read,
    fill(address, target) {
      target.fill(0);
      const present = Math.max(0, Math.min(target.length, image.size - address));
      target.set(image.bytes.subarray(address, address + present));
      return target.length - present;
    },
    * runs(start, end) {
      if (start < Math.min(end, image.size)) yield { start, length: Math.min(end, image.size) - start };
    },
    page(frame) {
      const bytes = read(frame * PAGE, PAGE);
      return bytes === undefined ? undefined : new Uint32Array(Uint8Array.from(bytes).buffer);
    },
  };
}

/** A small machine with an object manager, and the kernel model that reads it. Write first, then ask `kernel`: it remembers. */
export interface ObjectMachine {
  readonly synthetic: SyntheticKernel;
  readonly objects: Objects;
  readonly kernel: Kernel;
  /** Makes an `_EPROCESS` object. */
  readonly eprocess: (pid: number, name: string) => View;
  /** The model's process over it; give what the test is about. */
  readonly process: (view: View, facts?: Partial<ProcessFacts>) => Process;
  /** A user space that shares the kernel half. */
  readonly userSpace: () => Space;
}

export function objectMachine(build: number, profile = profileOf(build)): ObjectMachine {
  const synthetic = new SyntheticKernel({
    profile, memory: 8 * 0x10_0000, seed: 7, dtbFrame: undefined, selfMap: 0x1ed, startBlock: false, symbolFile: profile.id,
    exportName: 'ntoskrnl.exe', largePages: false, invalidMask: 0n, captured: 133_000_000_000_000_000n, base: undefined,
  });
  const objects = new Objects(synthetic);
  const kernel = new Kernel(pagedMemory(synthetic.physical), X64, SOFTWARE_PTE,
    { dtb: synthetic.space.dtb, base: synthetic.base, size: synthetic.size, symbolFile: profile.id }, profile, new Anomalies());
  return {
    synthetic, objects, kernel,
    eprocess(pid, name) {
      const view = objects.create('Process', '_EPROCESS');
      view.set('UniqueProcessId', pid).set('ImageFileName', Buffer.from(name, 'latin1')).set('Pcb.DirectoryTableBase', synthetic.space.dtb);
      return view.listInit('ThreadListHead');
    },
    process: (view, facts = {}) => new Process(kernel, {
      address: view.address, pid: Number(view.get('UniqueProcessId')), ppid: 4, shortName: 'made.exe', kernelPath: '', created: 1n, exited: undefined,
      dtb: Number(view.get('Pcb.DirectoryTableBase')), userDtb: undefined, peb: undefined, peb32: undefined, wow64: false, sessionId: undefined,
      sectionBase: 0n, exitStatus: 0x103, activeThreads: 0, protection: undefined, tokenAddress: undefined, objectTable: undefined, vadRoot: undefined,
      ...facts,
    }, new Set(['list'])),
    userSpace: () => new Space(synthetic.physical, synthetic.physical.alloc(), synthetic.space),
  };
}
