import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync, ftruncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openImage, type Image } from '../../src/image/image.js';
import { bundledProfile, knownKernels } from '../../src/profile/bundled.js';
import type { Profile } from '../../src/profile/profile.js';
import { openWindows, type OpenedWindows } from '../../src/windows/open.js';
import type { OpenOptions } from '../../src/windows/options.js';
import type { Windows } from '../../src/windows/windows.js';
import { SyntheticHandleTable } from './handle-tables.js';
import { SyntheticKernel, type KernelOptions } from './kernel-image.js';
import { listInsert, listRemove, type View } from './layout.js';
import { Objects } from './objects.js';
import { PAGE } from './physical.js';
import { BOOT, writeProcess, type ProcessSpec, type SyntheticProcess } from './processes.js';
import { noise, seeded } from './random.js';
import type { Space } from './tables.js';
import { writeLdrEntry, type ModuleSpec } from './user-memory.js';

/** Where a new process is entered in the active list: behind the last, before the first, or now here, now there. */
export type ListOrder = 'last' | 'first' | 'mixed';

export interface MachineOptions extends Partial<Omit<KernelOptions, 'profile' | 'symbolFile'>> {
  /** A bundled profile's id, the last bundled one of a build (`19041`), or layouts themselves. */
  readonly profile?: string | number | Profile;
  /** What the kernel says of itself; `false`: it has no CodeView record. The profile's own id by default. */
  readonly symbolFile?: string | false;
  readonly order?: ListOrder;
  /** Everything that a real machine has on its lists: types in `\\ObjectTypes`, handle tables on theirs. Tests that count go without. */
  readonly complete?: boolean;
  /** What System has besides its name and PID. */
  readonly system?: Omit<ProcessSpec, 'name' | 'pid' | 'ppid' | 'created' | 'exited'>;
}

/** One build of each family of layouts that the bundled profiles know. */
export const FAMILIES: readonly number[] = [7601, 9600, 14393, 17763, 18362, 19041, 20348, 22000];

/** 2023-02-05 10:14:36 UTC. */
export const CAPTURED = 133_200_656_760_000_000n;

/** The last bundled profile of a build. */
export function profileOf(build: number): Profile {
  const known = knownKernels().filter(({ version }) => version.split('.')[2] === String(build)).at(-1);
  const profile = known === undefined ? undefined : bundledProfile(known.id);
  if (profile === undefined) throw new Error(`no bundled profile of build ${build}`);
  return profile;
}

/** A small Windows machine: a kernel and System, nothing else yet. */
export function machine(options: MachineOptions = {}): Machine {
  return new Machine(options);
}

/**
 * A Windows machine in memory that is written by layouts of a real kernel, for any bundled profile, and that can be broken on
 * purpose. What is written is in the image at once; calls can be chained.
 */
export class Machine {
  readonly kernel: SyntheticKernel;
  readonly objects: Objects;
  readonly processes = new Map<number, SyntheticProcess>();
  readonly cid: SyntheticHandleTable;
  /** The modules of PsLoadedModuleList, in its order. */
  readonly drivers: ModuleSpec[] = [];
  /** The driver objects that were entered in the namespace. */
  readonly driverObjects: { readonly name: string; readonly start: bigint }[] = [];
  readonly #order: ListOrder;
  readonly #complete: boolean;
  #length: number;

  constructor({ profile = 19041, symbolFile, order = 'last', complete = false, system = {}, ...options }: MachineOptions) {
    this.#order = order;
    const layouts = typeof profile === 'number' ? profileOf(profile) : typeof profile === 'string' ? bundledProfile(profile) : profile;
    if (layouts === undefined) throw new Error(`no bundled profile ${String(profile)}`);
    this.kernel = new SyntheticKernel({
      mode: undefined, memory: 4 << 20, seed: 1, dtbFrame: undefined, selfMap: 0x1ed, startBlock: true, largePages: false,
      symbolPath: 'ntkrnlmp.pdb', exportName: 'ntoskrnl.exe', exports: 'all', timestamp: undefined,
      debuggerData: 'absent', ownSections: false, buildNumber: undefined, checked: false, processors: 2,
      invalidMask: undefined, captured: CAPTURED, base: undefined, ...options,
      profile: layouts, symbolFile: symbolFile === false ? undefined : symbolFile ?? layouts.id,
    });
    this.#length = this.kernel.physical.size;
    this.objects = new Objects(this.kernel);
    if (complete) this.objects.enterTypes();
    this.cid = new SyntheticHandleTable(this.kernel, 0n, 0);
    this.kernel.setVariable('PspCidTable', this.cid.address);
    this.#complete = complete;
    this.process({ ...system, name: 'System', pid: 4, created: BOOT });
    this.kernel.setVariable('PsInitialSystemProcess', this.built(4).view.address);
    this.driver({ name: 'ntoskrnl.exe', path: '\\SystemRoot\\system32\\ntoskrnl.exe', base: this.kernel.base, pages: this.kernel.size / PAGE });
  }

  /** Adds a process. */
  process(spec: ProcessSpec): this {
    const made = writeProcess(this.kernel, this.objects, this.cid, spec, this.processes);
    // System stays the first: PsActiveProcessHead leads to it.
    const before = this.#order === 'first' || (this.#order === 'mixed' && this.processes.size % 2 === 0);
    if (before && spec.linked !== false && spec.pid !== 4) {
      const { space } = this.kernel;
      const link = made.view.at('ActiveProcessLinks');
      listRemove(space, link);
      listInsert(space, space.pointer(this.built(4).view.at('ActiveProcessLinks')), link);
    }
    if (this.#complete && spec.linked !== false && made.handles !== undefined) listInsert(this.kernel.space, this.kernel.symbol('HandleTableListHead'), made.handles.view.at('HandleTableList'));
    this.processes.set(spec.pid, made);
    return this;
  }

  /** Adds a module to PsLoadedModuleList. */
  driver(module: ModuleSpec): this {
    this.drivers.push(module);
    const entry = writeLdrEntry(this.kernel.nonpaged.struct('_LDR_DATA_TABLE_ENTRY', 'MmLd'), module, (view, path, text) => this.kernel.text(view, path, text));
    listInsert(this.kernel.space, this.kernel.symbol('PsLoadedModuleList'), entry.at('InLoadOrderLinks'));
    return this;
  }

  /** A process that was added, and its addresses. */
  built(pid: number): SyntheticProcess {
    const process = this.processes.get(pid);
    if (process === undefined) throw new Error(`the synthetic machine has no process ${pid}`);
    return process;
  }

  /** Takes a process out of the active list; it stays in PspCidTable and in the pool. */
  unlink(pid: number): this {
    listRemove(this.kernel.space, this.built(pid).view.at('ActiveProcessLinks'));
    return this;
  }

  /** Bends a list's forward link: the entry of `from` leads to the entry of `to` (both by default the same process: it names itself). */
  loop(list: 'active list' | 'threads', from: number, to = from): this {
    const path = list === 'active list' ? 'ActiveProcessLinks' : 'ThreadListHead';
    this.kernel.space.setPointer(this.built(from).view.at(path), this.built(to).view.at(path));
    return this;
  }

  /** Makes the page that holds `address` not present. */
  absent(address: bigint, space: Space = this.kernel.space): this {
    space.setPte(address, 0n);
    return this;
  }

  /** Writes a value over a field: `lie('_EPROCESS', address, 'UniqueProcessId', 3)`. */
  lie(struct: string, address: bigint, path: string, value: bigint | number | Uint8Array, space: Space = this.kernel.space): this {
    this.kernel.view(struct, address, space).set(path, value);
    return this;
  }

  view(struct: string, address: bigint, space?: Space): View {
    return this.kernel.view(struct, address, space);
  }

  /** The image ends here, in bytes. */
  cut(at: number): this {
    this.#length = at;
    return this;
  }

  /** Overwrites a share of the pages with noise. `spared` frames stay. */
  noise(share: number, seed: number, spared: (frame: number) => boolean = () => false): this {
    noisePages(this.kernel.physical.bytes, share, seed, spared);
    return this;
  }

  /** The image's bytes. */
  get bytes(): Buffer {
    return this.kernel.physical.bytes.subarray(0, this.#length);
  }

  /** Opens the image: from a file that has no name any more, so that nothing is left behind. */
  image(): Image {
    return imageOf(this.bytes);
  }

  /** Opens the image and recognises its Windows. */
  opened(options: OpenOptions = {}): OpenedWindows {
    return openWindows(this.image(), options);
  }

  /** The model. Throws with the diagnosis when no Windows was recognised. */
  open(options: OpenOptions = {}): Windows {
    const { windows, diagnosis } = this.opened(options);
    if (windows === undefined) throw new Error(`no Windows recognised: ${diagnosis.degraded.join('; ')}`);
    return windows;
  }

  /** Writes the image to a file, for those who open it by path. */
  save(path: string): this {
    writeFileSync(path, this.bytes);
    return this;
  }
}

/** Opens bytes as an image file that has no name any more. */
export function imageOf(bytes: Uint8Array): Image {
  const folder = mkdtempSync(join(tmpdir(), 'memlens-test-'));
  try {
    const path = join(folder, 'image.raw');
    writeFileSync(path, bytes);
    return openImage(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Opens a file of zeros, sparse on disk. */
export function imageOfZeros(size: number, change: (write: (at: number, bytes: Uint8Array) => void) => void = () => undefined): Image {
  const folder = mkdtempSync(join(tmpdir(), 'memlens-test-'));
  try {
    const path = join(folder, 'image.raw');
    const fd = openSync(path, 'w');
    ftruncateSync(fd, size);
    change((at, bytes) => writeSync(fd, bytes, 0, bytes.length, at));
    closeSync(fd);
    return openImage(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Overwrites a share of an image's pages with noise. */
export function noisePages(bytes: Buffer, share: number, seed: number, spared: (frame: number) => boolean = () => false): void {
  const next = seeded(seed);
  for (let frame = 0; frame < Math.floor(bytes.length / PAGE); frame += 1) {
    if (next() >= share || spared(frame)) continue;
    noise(bytes.subarray(frame * PAGE, (frame + 1) * PAGE), seed + frame);
  }
}
