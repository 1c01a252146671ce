import type { Profile } from '../../src/profile/profile.js';
import { writeDebuggerData, type DebuggerData } from './debugger-data.js';
import { View } from './layout.js';
import { PAGE, PhysicalImage } from './physical.js';
import { peImage, type SectionSpec } from './pe-image.js';
import { Pool } from './pool.js';
import { seeded } from './random.js';
import { hasInvalidMask, softwareRules, type SoftwareRules } from './software-pte.js';
import { TABLE_RULES, type ModeName } from './table-rules.js';
import { KERNEL_CODE, KERNEL_DATA, Space } from './tables.js';

export interface KernelOptions {
  readonly profile: Profile;
  /** How its processor translates; undefined: x64, or x86 with PAE, as the profile's pointers are wide. */
  readonly mode: ModeName | undefined;
  /** Bytes of physical memory. */
  readonly memory: number;
  readonly seed: number;
  /** Frame of System's top-level table; undefined: any. */
  readonly dtbFrame: number | undefined;
  /** Slot of the self-map in the top-level table; undefined: none. On 32-bit it has its own place. */
  readonly selfMap: number | undefined;
  /** Whether the processor start block stands in low memory. */
  readonly startBlock: boolean;
  /** GUID and age in the kernel's CodeView record; undefined: it has no such record. */
  readonly symbolFile: string | undefined;
  /** The name of the symbol file there. */
  readonly symbolPath: string;
  /** The name in the export directory; undefined: it has none. */
  readonly exportName: string | undefined;
  /** What it exports: all that tests look for, or what Windows of this build does. */
  readonly exports: 'all' | 'as Windows';
  /** Link time in its header. */
  readonly timestamp: number | undefined;
  readonly debuggerData: DebuggerData;
  /** Whether its sections are called as a kernel's are, so that it can be recognised by them. */
  readonly ownSections: boolean;
  /** The build that it says it is; undefined: its own. */
  readonly buildNumber: number | undefined;
  /** A checked build: its NtBuildNumber says so. */
  readonly checked: boolean;
  readonly processors: number;
  /** Where the kernel's image lies: page by page, or in large pages. */
  readonly largePages: boolean;
  readonly invalidMask: bigint | undefined;
  readonly captured: bigint;
  /** The address of the image; undefined: as this version of Windows chooses. */
  readonly base: bigint | undefined;
}

export const SHARED_DATA = 0xffff_f780_0000_0000n;
/** IMAGE_SUBSYSTEM_NATIVE. */
const NATIVE = 1;
/** IMAGE_SCN_CNT_INITIALIZED_DATA, MEM_READ, MEM_WRITE, MEM_NOT_PAGED. */
const WRITABLE_DATA = 0xc800_0040;
/** What tools look up in the kernel's export directory. */
const EXPORTS = [
  'PsInitialSystemProcess', 'PsLoadedModuleList', 'NtBuildNumber', 'NtBuildLab', 'KeNumberProcessors', 'PsProcessType', 'PsThreadType', 'IoFileObjectType',
  'IoDriverObjectType', 'IoDeviceObjectType', 'MmSectionObjectType', 'SeTokenObjectType', 'ExEventObjectType', 'CmKeyObjectType', 'MmHighestUserAddress',
];
/** Exported since this build, where not always. */
const EXPORTED_SINCE: Readonly<Record<string, number>> = { PsLoadedModuleList: 10_240, CmKeyObjectType: 6000, SeTokenObjectType: 2600, NtBuildLab: 9200, IoDeviceObjectType: 2600 };
const LIST_HEADS = ['PsActiveProcessHead', 'PsLoadedModuleList', 'CmpHiveListHead', 'HandleTableListHead', 'CallbackListHead'];

/** CR4 (Intel SDM 3A 2.5). */
const CR4_PAE = 0x20;
const CR4_LA57 = 0x1000;

/** Where a kernel of that width lays its image, its pools and its stacks. */
interface Places {
  readonly pointerSize: 4 | 8;
  /** Builds below this one. */
  readonly before: number;
  readonly base: bigint;
  readonly nonpaged: bigint;
  readonly paged: bigint;
  readonly stacks: bigint;
}

const PLACES: readonly Places[] = [
  { pointerSize: 4, before: 6000, base: 0x804d_7000n, nonpaged: 0x8170_0000n, paged: 0xe100_0000n, stacks: 0xf880_0000n },
  { pointerSize: 4, before: Infinity, base: 0x8280_0000n, nonpaged: 0x8500_0000n, paged: 0x9100_0000n, stacks: 0xa800_0000n },
  { pointerSize: 8, before: 6000, base: 0xffff_f800_0100_0000n, nonpaged: 0xffff_fadf_e700_0000n, paged: 0xffff_fa80_0000_0000n, stacks: 0xffff_fadf_f900_0000n },
  { pointerSize: 8, before: 9200, base: 0xffff_f800_02a0_0000n, nonpaged: 0xffff_fa80_0300_0000n, paged: 0xffff_f8a0_0010_0000n, stacks: 0xffff_f880_0300_0000n },
  // 44 bits of address until 8.1.
  { pointerSize: 8, before: 9600, base: 0xffff_f801_2e80_0000n, nonpaged: 0xffff_fa80_0300_0000n, paged: 0xffff_f8a0_0010_0000n, stacks: 0xffff_f880_0100_0000n },
  { pointerSize: 8, before: Infinity, base: 0xffff_f801_2e80_0000n, nonpaged: 0xffff_b80a_4c00_0000n, paged: 0xffff_a389_1200_0000n, stacks: 0xffff_f50b_0000_0000n },
];

/** With five levels of page tables: beyond what four could reach. */
const PLACES_57: Places = { pointerSize: 8, before: Infinity, base: 0xffff_f801_2e80_0000n, nonpaged: 0xffb8_0a4c_0000_0000n, paged: 0xffa3_8912_0000_0000n, stacks: 0xff95_0b00_0000_0000n };

/** A running kernel to be: its memory, image, variables and pools. Everything else on the machine is written through it. */
export class SyntheticKernel {
  readonly profile: Profile;
  readonly physical: PhysicalImage;
  readonly space: Space;
  readonly base: bigint;
  /** SizeOfImage in bytes. */
  readonly size: number;
  readonly nonpaged: Pool;
  readonly paged: Pool;
  readonly rules: SoftwareRules;
  /** Where `_KUSER_SHARED_DATA` lies in the kernel half. */
  readonly sharedData: bigint;
  readonly #places: Places;
  #stacks = 0n;

  constructor(options: KernelOptions) {
    const { profile } = options;
    this.profile = profile;
    this.physical = new PhysicalImage(options.memory, options.seed);
    const highest = Math.max(...symbolNames(profile).map((name) => profile.symbol(name) ?? 0));
    const tail = (Math.ceil(highest / PAGE) + 16) * PAGE;
    const rules = TABLE_RULES[options.mode ?? (profile.pointerSize === 8 ? 'x64' : 'x86-pae')];
    if (rules.pointerSize !== profile.pointerSize) throw new Error(`the layouts of ${profile.version} have pointers of ${profile.pointerSize} bytes, ${rules.name} has others`);
    this.size = Math.ceil((tail + 4 * PAGE) / rules.large) * rules.large;
    // Before frames are handed out all over memory.
    const large = options.largePages ? this.physical.contiguous(this.size / PAGE, rules.large / PAGE) : undefined;
    const dtb = options.dtbFrame === undefined ? this.physical.alloc() : this.physical.take(options.dtbFrame);
    this.space = new Space(this.physical, dtb, undefined, rules);
    if (options.selfMap !== undefined) this.space.selfMap(rules.pointerSize === 8 ? options.selfMap : undefined);
    this.sharedData = rules.sharedData;
    this.#places = rules.name === 'x64-la57' ? PLACES_57 : PLACES.find(({ pointerSize, before }) => pointerSize === profile.pointerSize && profile.build < before)!;
    this.base = options.base ?? this.#places.base;
    if (rules.pointerSize === 4) this.#systemTables();
    // Before Vista the type in a pool header counts from one.
    const [nonpaged, paged] = profile.build < 6000 ? [1, 2] : [2, 3];
    this.nonpaged = new Pool(profile, this.space, this.#places.nonpaged, nonpaged);
    this.paged = new Pool(profile, this.space, this.#places.paged, paged);
    const invalidMask = options.invalidMask ?? (hasInvalidMask(profile) ? 0x2000_0000_0000n : 0n);
    this.rules = softwareRules(profile, invalidMask, rules.entryBytes);
    this.#image(options, tail, large);
    this.#variables(options, invalidMask);
    writeDebuggerData(this, options.debuggerData, seeded(options.seed));
    if (options.startBlock && rules.machine === 0x8664) this.#startBlock();
  }

  /** Where the next kernel stack begins: 64 KiB for each. */
  stack(): bigint {
    this.#stacks += 1n;
    return this.#places.stacks + this.#stacks * 0x1_0000n;
  }

  has(symbol: string): boolean {
    return this.profile.symbol(symbol) !== undefined;
  }

  /** A symbol's address. */
  symbol(name: string): bigint {
    const rva = this.profile.symbol(name);
    if (rva === undefined) throw new Error(`the profile ${this.profile.version} has no symbol ${name}`);
    return this.base + BigInt(rva);
  }

  view(struct: string, address: bigint, space: Space = this.space): View {
    return new View(this.profile, struct, space, address);
  }

  /** Writes a kernel variable of a pointer's width, where the build has it. */
  setVariable(name: string, value: bigint): void {
    if (this.has(name)) this.space.setPointer(this.symbol(name), value);
  }

  /** A `_UNICODE_STRING`'s characters in paged pool. */
  text(view: View, path: string, text: string): void {
    view.setText(path, text, this.paged.alloc(text.length * 2 + 2, 'Text'));
  }

  #image(options: KernelOptions, tail: number, large: number | undefined): void {
    const { machine, large: step } = this.space.rules;
    if (large !== undefined) {
      const size = step === 0x20_0000 ? '2 MiB' : '4 MiB';
      for (let at = 0; at < this.size; at += step) this.space.map(this.base + BigInt(at), large + at, KERNEL_DATA & ~(1n << 63n), size);
    } else {
      this.space.back(this.base, PAGE, KERNEL_CODE);
    }
    const names = EXPORTS.filter((name) => options.exports === 'all' || this.profile.build >= (EXPORTED_SINCE[name] ?? 0));
    const functions = Object.fromEntries(names.flatMap((name) => {
      const rva = this.profile.symbol(name);
      return rva === undefined ? [] : [[name, rva]];
    }));
    const pieces = peImage({
      machine, subsystem: NATIVE, base: this.base, sizeOfImage: this.size, entry: 0x1000, ...(options.timestamp === undefined ? {} : { timestamp: options.timestamp }),
      sections: [
        ...sections(Math.min(...symbolNames(this.profile).map((name) => this.profile.symbol(name)!)) & ~(PAGE - 1), tail, options.ownSections ? OWN_SECTIONS : []),
        { name: '.edata', rva: tail, size: this.size - tail, characteristics: 0x4000_0040 },
      ],
      ...(options.exportName === undefined ? {} : { exports: { rva: tail, name: options.exportName, functions } }),
      ...(options.symbolFile === undefined ? {} : { codeView: { rva: tail + 2 * PAGE, symbolFile: options.symbolFile, path: options.symbolPath } }),
    });
    for (const { rva, bytes } of pieces) this.space.write(this.base + BigInt(rva), bytes);
  }

  #variables({ captured, checked, processors, buildNumber = this.profile.build }: KernelOptions, invalidMask: bigint): void {
    const u32 = (name: string, value: number): void => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32LE(value >>> 0);
      if (this.has(name)) this.space.write(this.symbol(name), bytes);
    };
    u32('NtBuildNumber', (checked ? 0xc000_0000 : 0xf000_0000) | buildNumber);
    u32('KeNumberProcessors', processors);
    for (const name of LIST_HEADS) {
      if (!this.has(name)) continue;
      this.space.setPointer(this.symbol(name), this.symbol(name));
      this.space.setPointer(this.symbol(name) + BigInt(this.profile.pointerSize), this.symbol(name));
    }
    if (invalidMask !== 0n && this.has('MiState')) this.view('_MI_SYSTEM_INFORMATION', this.symbol('MiState')).set('Hardware.InvalidPteMask', invalidMask);
    const [major, minor] = this.profile.version.split('.').map(Number);
    const shared = this.view('_KUSER_SHARED_DATA', this.sharedData);
    shared.set('NtMajorVersion', major ?? 0).set('NtMinorVersion', minor ?? 0).setIfAny('NtBuildNumber', buildNumber);
    const time = Buffer.alloc(12);
    time.writeBigUInt64LE(captured);
    time.writeInt32LE(Number(captured >> 32n), 8);
    this.space.write(shared.at('SystemTime'), time);
  }

  /** Windows of 32 bits makes page tables for its regions when it starts, so that its directory is filled in rows. */
  #systemTables(): void {
    for (const region of [this.base, this.#places.nonpaged, this.#places.paged, this.#places.stacks]) {
      for (let i = 0n; i < 4n; i += 1n) this.space.entry((region & ~0x3f_ffffn) + i * 0x40_0000n);
    }
  }

  /** PROCESSOR_START_BLOCK: a jump, where the kernel goes on, CR3, CR4. */
  #startBlock(): void {
    const page = Buffer.alloc(PAGE);
    page.writeBigUInt64LE(0x0001_0006_00e9n);
    page.writeBigUInt64LE(this.base + 0x1_2340n, 0x70);
    page.writeBigUInt64LE(BigInt(this.space.dtb), 0xa0);
    page.writeUInt32LE(CR4_PAE | (this.space.rules.name === 'x64-la57' ? CR4_LA57 : 0), 0xa8);
    this.physical.bytes.set(page, this.physical.take(2));
  }
}

/** What the sections of kernels from XP to 11 are called, besides the usual ones; a page each here. */
const OWN_SECTIONS = ['POOLMI', 'MISYSPTE', 'POOLCODE', 'PAGELK', 'PAGEVRFY', 'PAGEHDLS', 'PAGEKD', 'INIT'];

/** A kernel's sections: code, then its variables from `data` on. */
function sections(data: number, end: number, names: readonly string[]): SectionSpec[] {
  const own = data - names.length * PAGE;
  if (own <= PAGE) return [{ name: '.data', rva: PAGE, size: end - PAGE, characteristics: WRITABLE_DATA }];
  return [
    { name: '.text', rva: PAGE, size: own - PAGE }, ...names.map((name, i) => ({ name, rva: own + i * PAGE, size: PAGE })),
    { name: '.data', rva: data, size: end - data, characteristics: WRITABLE_DATA },
  ];
}

/** The symbols that tests place things at; the profile is asked by name. */
function symbolNames(profile: Profile): string[] {
  return [...EXPORTS, ...LIST_HEADS, 'PspCidTable', 'ObTypeIndexTable', 'ObHeaderCookie', 'ObpRootDirectoryObject', 'ObpInfoMaskToOffset', 'MiState',
    'KdDebuggerDataBlock', 'KdpDataBlockEncoded', 'KiWaitNever', 'KiWaitAlways', 'KdpDebuggerDataListHead', 'ObpTypeObjectType', 'ObpDirectoryObjectType', 'ObpSymbolicLinkObjectType', 'AlpcPortObjectType', 'PsJobType', 'ExMutantObjectType']
    .filter((name) => profile.symbol(name) !== undefined);
}
