import type { Profile } from '../../src/profile/profile.js';
import { View } from './layout.js';
import { PAGE, PhysicalImage } from './physical.js';
import { peImage } from './pe-image.js';
import { Pool } from './pool.js';
import { hasInvalidMask, softwareRules, type SoftwareRules } from './software-pte.js';
import { KERNEL_CODE, KERNEL_DATA, Space } from './tables.js';

export interface KernelOptions {
  readonly profile: Profile;
  /** Bytes of physical memory. */
  readonly memory: number;
  readonly seed: number;
  /** Frame of System's top-level table; undefined: any. */
  readonly dtbFrame: number | undefined;
  /** Slot of the self-map in the top-level table; undefined: none. */
  readonly selfMap: number | undefined;
  /** Whether the processor start block stands in low memory. */
  readonly startBlock: boolean;
  /** GUID and age in the kernel's CodeView record; undefined: it has no such record. */
  readonly symbolFile: string | undefined;
  /** The name in the export directory. */
  readonly exportName: string;
  /** Where the kernel's image lies: page by page, or in 2 MiB pages. */
  readonly largePages: boolean;
  readonly invalidMask: bigint | undefined;
  readonly captured: bigint;
  /** The address of the image; undefined: as this version of Windows chooses. */
  readonly base: bigint | undefined;
}

const LARGE = 0x20_0000;
export const SHARED_DATA = 0xffff_f780_0000_0000n;
/** What tools look up in the kernel's export directory. */
const EXPORTS = [
  'PsInitialSystemProcess', 'PsLoadedModuleList', 'NtBuildNumber', 'NtBuildLab', 'KeNumberProcessors', 'PsProcessType', 'PsThreadType', 'IoFileObjectType',
  'IoDriverObjectType', 'IoDeviceObjectType', 'MmSectionObjectType', 'SeTokenObjectType', 'ExEventObjectType', 'CmKeyObjectType', 'MmHighestUserAddress',
];
const LIST_HEADS = ['PsActiveProcessHead', 'PsLoadedModuleList', 'CmpHiveListHead', 'HandleTableListHead', 'CallbackListHead'];

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
  #stacks = 0n;

  constructor(options: KernelOptions) {
    const { profile } = options;
    this.profile = profile;
    this.physical = new PhysicalImage(options.memory, options.seed);
    const highest = Math.max(...symbolNames(profile).map((name) => profile.symbol(name) ?? 0));
    const tail = (Math.ceil(highest / PAGE) + 16) * PAGE;
    this.size = Math.ceil((tail + 4 * PAGE) / LARGE) * LARGE;
    // Before frames are handed out all over memory.
    const large = options.largePages ? this.physical.contiguous(this.size / PAGE, LARGE / PAGE) : undefined;
    const dtb = options.dtbFrame === undefined ? this.physical.alloc() : this.physical.take(options.dtbFrame);
    this.space = new Space(this.physical, dtb);
    if (options.selfMap !== undefined) this.space.selfMap(options.selfMap);
    const seven = profile.build < 9200;
    this.base = options.base ?? (seven ? 0xffff_f800_02a0_0000n : 0xffff_f801_2e80_0000n);
    this.nonpaged = new Pool(profile, this.space, seven ? 0xffff_fa80_0300_0000n : 0xffff_b80a_4c00_0000n, 2);
    this.paged = new Pool(profile, this.space, seven ? 0xffff_f8a0_0010_0000n : 0xffff_a389_1200_0000n, 3);
    const invalidMask = options.invalidMask ?? (hasInvalidMask(profile) ? 0x2000_0000_0000n : 0n);
    this.rules = softwareRules(profile, invalidMask);
    this.#image(options, tail, large);
    this.#variables(options.captured, invalidMask);
    if (options.startBlock) this.#startBlock();
  }

  /** Where the next kernel stack begins: 64 KiB for each. */
  stack(): bigint {
    this.#stacks += 1n;
    return 0xffff_f50b_0000_0000n + this.#stacks * 0x1_0000n;
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

  /** Writes a kernel variable of eight bytes, where the build has it. */
  setVariable(name: string, value: bigint): void {
    if (this.has(name)) this.space.setU64(this.symbol(name), value);
  }

  /** A `_UNICODE_STRING`'s characters in paged pool. */
  text(view: View, path: string, text: string): void {
    view.setText(path, text, this.paged.alloc(text.length * 2 + 2, 'Text'));
  }

  #image(options: KernelOptions, tail: number, large: number | undefined): void {
    if (large !== undefined) {
      for (let at = 0; at < this.size; at += LARGE) this.space.map(this.base + BigInt(at), large + at, KERNEL_DATA & ~(1n << 63n), '2 MiB');
    } else {
      this.space.back(this.base, PAGE, KERNEL_CODE);
    }
    const functions = Object.fromEntries(EXPORTS.flatMap((name) => {
      const rva = this.profile.symbol(name);
      return rva === undefined ? [] : [[name, rva]];
    }));
    const pieces = peImage({
      base: this.base, sizeOfImage: this.size, entry: 0x1000,
      sections: [{ name: '.text', rva: 0x1000, size: tail - 0x1000 }, { name: '.edata', rva: tail, size: this.size - tail, characteristics: 0x4000_0040 }],
      exports: { rva: tail, name: options.exportName, functions },
      ...(options.symbolFile === undefined ? {} : { codeView: { rva: tail + 2 * PAGE, symbolFile: options.symbolFile, path: 'ntkrnlmp.pdb' } }),
    });
    for (const { rva, bytes } of pieces) this.space.write(this.base + BigInt(rva), bytes);
  }

  #variables(captured: bigint, invalidMask: bigint): void {
    const u32 = (name: string, value: number): void => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32LE(value >>> 0);
      if (this.has(name)) this.space.write(this.symbol(name), bytes);
    };
    u32('NtBuildNumber', 0xf000_0000 | this.profile.build);
    u32('KeNumberProcessors', 2);
    for (const name of LIST_HEADS) {
      if (!this.has(name)) continue;
      this.space.setU64(this.symbol(name), this.symbol(name));
      this.space.setU64(this.symbol(name) + 8n, this.symbol(name));
    }
    if (invalidMask !== 0n) this.view('_MI_SYSTEM_INFORMATION', this.symbol('MiState')).set('Hardware.InvalidPteMask', invalidMask);
    const [major, minor] = this.profile.version.split('.').map(Number);
    const shared = this.view('_KUSER_SHARED_DATA', SHARED_DATA);
    shared.set('NtMajorVersion', major ?? 0).set('NtMinorVersion', minor ?? 0).setIfAny('NtBuildNumber', this.profile.build);
    const time = Buffer.alloc(12);
    time.writeBigUInt64LE(captured);
    time.writeInt32LE(Number(captured >> 32n), 8);
    this.space.write(shared.at('SystemTime'), time);
  }

  /** PROCESSOR_START_BLOCK: a jump, where the kernel goes on, CR3. */
  #startBlock(): void {
    const page = Buffer.alloc(PAGE);
    page.writeBigUInt64LE(0x0001_0006_00e9n);
    page.writeBigUInt64LE(this.base + 0x1_2340n, 0x70);
    page.writeBigUInt64LE(BigInt(this.space.dtb), 0xa0);
    this.physical.bytes.set(page, this.physical.take(2));
  }
}

/** The symbols that tests place things at; the profile is asked by name. */
function symbolNames(profile: Profile): string[] {
  return [...EXPORTS, ...LIST_HEADS, 'PspCidTable', 'ObTypeIndexTable', 'ObHeaderCookie', 'ObpRootDirectoryObject', 'ObpInfoMaskToOffset', 'MiState',
    'KdDebuggerDataBlock', 'ObpTypeObjectType', 'ObpDirectoryObjectType', 'ObpSymbolicLinkObjectType', 'AlpcPortObjectType', 'PsJobType', 'ExMutantObjectType']
    .filter((name) => profile.symbol(name) !== undefined);
}
