import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { Anomalies } from '../../../src/bytes/anomaly.js';
import { X64 } from '../../../src/paging/mode.js';
import type { Table } from '../../../src/vfs/column.js';
import type { Driver } from '../../../src/windows/driver.js';
import type { Endpoint } from '../../../src/windows/network.js';
import type { Kernel } from '../../../src/windows/kernel.js';
import type { Module } from '../../../src/windows/module.js';
import type { Parameters } from '../../../src/windows/parameters.js';
import { factsOf, type ScanFacts } from '../../../src/windows/pool.js';
import { Process, type ProcessFacts, type ProcessSource } from '../../../src/windows/process.js';
import type { Thread } from '../../../src/windows/thread.js';
import type { Token } from '../../../src/windows/token.js';
import type { Vad } from '../../../src/windows/vad.js';
import type { Windows } from '../../../src/windows/windows.js';
import { stage, type Stage, type StageContext, type StageOf } from '../../../forensic/stage.js';

/** A time in 2023, some seconds later. */
export const at = (seconds: number): bigint => 133_197_156_000_000_000n + BigInt(seconds) * 10_000_000n;

/** A folder that is gone after the tests of this file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'memlens-forensic-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A page of a fake address space. */
export interface FakePage {
  readonly address: bigint;
  readonly physical: number;
  readonly writable: boolean;
  readonly executable: boolean;
}

/** What a fake kernel knows: prototype PTEs by their address, physical pages by theirs. */
export interface FakeKernel {
  readonly prototypes?: ReadonlyMap<bigint, number>;
  readonly physical?: ReadonlyMap<number, Buffer>;
}

export function fakeKernel({ prototypes = new Map(), physical = new Map() }: FakeKernel = {}): Kernel {
  const present = (at: number): object => ({ kind: 'present', pte: BigInt(at) | 1n, physical: at, prototype: undefined, pagefile: undefined });
  return {
    anomalies: new Anomalies(),
    mode: X64,
    facts: { dtb: 0x1000, base: 0xfffff800_00000000n, size: 0x1000, symbolFile: undefined },
    profile: { build: 19041 },
    physical: { size: 0x10_0000, read: (address: number) => physical.get(address) },
    memory: {
      prototypePte: (address: bigint) => {
        const physical = prototypes.get(address);
        return physical === undefined ? undefined : present(physical);
      },
      read: () => undefined,
    },
    isKernelAddress: (address: bigint) => address >= 0xffff_8000_0000_0000n,
    read: () => undefined,
    reader: () => ({ read: () => undefined }),
  } as unknown as Kernel;
}

export interface FakeProcess extends Partial<ProcessFacts> {
  readonly name?: string;
  readonly sources?: readonly ProcessSource[];
  readonly modules?: readonly Module[];
  readonly vads?: readonly Vad[];
  readonly threads?: readonly Thread[];
  readonly pages?: readonly FakePage[];
  readonly token?: Partial<Token>;
  readonly parameters?: Partial<Parameters>;
  readonly kernel?: Kernel;
}

/** A process with these facts; what is not said is ordinary. */
export function fakeProcess(fake: FakeProcess = {}): Process {
  const { name = 'app.exe', pid = 100, pages = [] } = fake;
  const facts: ProcessFacts = {
    address: 0xffff_9000_0000_0000n + BigInt(pid), pid, ppid: 4, shortName: name.slice(0, 15), kernelPath: `\\Device\\HarddiskVolume3\\Windows\\System32\\${name}`,
    created: at(pid), exited: undefined, dtb: 0x1000, userDtb: undefined, peb: 0x1000n, peb32: undefined, wow64: false, sessionId: 1, sectionBase: 0n,
    exitStatus: 0x103, activeThreads: 1, protection: undefined, tokenAddress: undefined, objectTable: undefined, vadRoot: undefined, ...fake,
  };
  const process = new Process(fake.kernel ?? fakeKernel(), facts, new Set(fake.sources ?? ['list']));
  const token: Token | undefined = fake.token === undefined ? undefined : {
    address: 1n, userSid: 'S-1-5-21-1-2-3-1001', user: 'alice', wellKnown: false, groups: [], privileges: [], integritySid: undefined, integrity: 'Medium',
    session: 1, luid: 1n, ...fake.token,
  } as Token;
  const memory = {
    read: () => undefined,
    pte: (address: bigint) => {
      const page = pages.find((one) => one.address === address);
      return { kind: page === undefined ? 'unmapped' : 'present', pte: BigInt(page?.physical ?? 0), physical: page?.physical };
    },
    * mappings(start: bigint, end: bigint) {
      for (const { address, ...page } of pages) if (address >= start && address < end) yield { ...page, start: address, pages: 1, user: true, large: false, hardware: true };
    },
  };
  const answers = {
    modules: () => fake.modules ?? [], vads: () => fake.vads ?? [], threads: () => fake.threads ?? [], handles: () => [], token: () => token,
    parameters: () => (fake.parameters === undefined ? undefined
      : { imagePath: '', commandLine: '', currentDirectory: '', windowTitle: '', environment: [], ...fake.parameters }),
  };
  for (const [method, value] of Object.entries(answers)) Object.defineProperty(process, method, { value });
  return Object.defineProperty(process, 'memory', { value: memory });
}

export function fakeVad(vad: Partial<Vad> & Pick<Vad, 'start' | 'end'>): Vad {
  return {
    address: 0xffff_9000_1111_0000n, commit: 1, memCommit: true, protection: 6, type: 0, private: true, image: false, firstPrototype: undefined,
    lastPrototype: undefined, controlArea: undefined, subsection: undefined, fileObject: undefined, file: undefined, pagefile: false, what: undefined, ...vad,
  };
}

export function fakeModule(module: Partial<Module> & Pick<Module, 'name' | 'base'>): Module {
  return { kind: 'ldr', size: 0x10000, entry: 0n, path: '', kernelPath: undefined, wow64: false, ldrEntry: undefined, loaded: undefined, ...module };
}

export function fakeThread(thread: Partial<Thread>): Thread {
  return {
    address: 0xffff_9000_2222_0000n, tid: 104, pid: 100, state: 5, waitReason: 6, running: false, basePriority: 8, priority: 8, exitStatus: 0x103,
    startAddress: 0n, win32StartAddress: 0n, teb: 0n, kernelStackBase: 0n, kernelStackLimit: 0n, kernelStack: 0n, initialStack: 0n, name: undefined, userStackBase: undefined, userStackLimit: undefined,
    instructionPointer: undefined, stackPointer: undefined, trapFrame: 0n, impersonationToken: 0n, suspendCount: 0, created: at(0), exited: undefined, ...thread,
  };
}

export interface FakeWindows {
  readonly processes?: readonly Process[];
  /** Known only after the scan has joined. */
  readonly scanned?: readonly Process[];
  readonly drivers?: readonly Driver[];
  readonly endpoints?: readonly Endpoint[];
}

export const NO_SCAN: ScanFacts = factsOf(new Map(), 0);

export function fakeWindows(fake: FakeWindows = {}): Windows {
  const kernel = fakeKernel();
  let scan: ScanFacts | undefined;
  const processes = (): readonly Process[] => [...fake.processes ?? [], ...(scan === undefined ? [] : fake.scanned ?? [])];
  return {
    kernel,
    anomalies: kernel.anomalies,
    system: { build: 19041, bootTime: at(0), captureTime: at(1), computerName: 'PC' } as Windows['system'],
    processes,
    process: (pid) => processes().find((process) => process.pid === pid),
    drivers: () => fake.drivers ?? [],
    endpoints: () => fake.endpoints ?? [],
    hives: () => [],
    get scan() { return scan; },
    join(facts) { scan = facts; },
  };
}

export interface Item {
  readonly id: number;
  readonly text: string;
}

export function itemTable(name: string): Table<Item> {
  return {
    name, doc: 'Items.', heading: '',
    columns: [
      { name: 'id', csv: 'ID', kind: 'decimal', value: ({ id }) => id, doc: 'number' },
      { name: 'text', csv: 'Text', kind: 'text', value: ({ text }) => text, doc: 'text' },
    ],
  };
}

/** A stage of items with a CSV named like it. */
export function itemStage(name: string, rows: StageOf<Item>['rows'], more: Partial<StageOf<Item>> = {}): Stage {
  return stage<Item>({ name, table: itemTable(name), waitsForScan: false, csv: name, rows, ...more });
}

export const items = (count: number): Item[] => Array.from({ length: count }, (_, id) => ({ id, text: `item ${id}` }));

export const CONTEXT: StageContext = { step: () => undefined, note: () => undefined };
