import { Anomalies } from '../bytes/anomaly.js';
import type { Image } from '../image/image.js';
import { AddressSpace } from '../paging/address-space.js';
import { X64 } from '../paging/mode.js';
import { SOFTWARE_PTE, softwarePte, type SoftwarePte } from '../paging/pte.js';
import { bundledProfile, nearestProfiles } from '../profile/bundled.js';
import type { Profile } from '../profile/profile.js';
import type { Diagnosis } from './diagnosis.js';
import { dtbCandidates } from './dtb.js';
import { findKernel, kernelAt, KernelSearch, type KernelImage } from './find-kernel.js';
import { Kernel, type KernelFacts } from './kernel.js';
import { physicalRanges } from './physical-map.js';
import { EPROCESS, systemProcess } from './process-list.js';
import { recoverKernel } from './recover-kernel.js';
import { WindowsModel, type Windows } from './windows.js';

/** An image with what could be recognised in it. */
export interface OpenedWindows {
  readonly image: Image;
  readonly diagnosis: Diagnosis;
  readonly anomalies: Anomalies;
  /** Undefined when no Windows was recognised; the diagnosis says why. */
  readonly windows: Windows | undefined;
  /** What another thread opens the same Windows from, without searching again. */
  readonly facts: KernelFacts | undefined;
}

/** Candidates looked into; each costs a walk over its kernel half. */
const MAX_CANDIDATES = 64;
/** Layout sets tried for a kernel that no table knows. */
const MAX_NEAREST = 8;

/**
 * Recognises the Windows in an image: page tables, kernel, profile. Never throws for what the image holds.
 * @param known facts of an earlier opening of the same image
 * @param anomalies where the model adds its own
 * @param remembered how many processes remember what was read of them; more for a pass that asks all of them again and again
 */
export function openWindows(image: Image, known?: KernelFacts, anomalies = new Anomalies(), remembered?: number): OpenedWindows {
  const diagnosis: Diagnosis = {
    container: { path: image.path, format: image.format, reason: image.reason, size: image.fileSize },
    dtbs: [], kernel: undefined, profile: undefined, degraded: [], next: [],
  };
  const found = locate(image, diagnosis, known);
  const kernel = found === undefined ? undefined : recognise(image, found.dtb, found.image, diagnosis, anomalies, remembered);
  if (kernel === undefined) {
    const beyond = highestTable(image, diagnosis);
    diagnosis.next.push(beyond === undefined
      ? 'check that the acquisition is complete: compare the file size with the memory of the machine'
      : `the image is cut off: its page tables lead to 0x${beyond.toString(16)}, beyond the file's end; acquire or copy it again, whole`);
  }
  return {
    image, diagnosis, anomalies,
    windows: kernel === undefined ? undefined : new WindowsModel(kernel),
    facts: kernel?.facts,
  };
}

function locate(image: Image, diagnosis: Diagnosis, known: KernelFacts | undefined): { dtb: number; image: KernelImage } | undefined {
  if (known !== undefined) {
    const kernel = kernelAt(new AddressSpace(image.memory, X64, known.dtb, SOFTWARE_PTE), known.base);
    diagnosis.dtbs.push({ dtb: known.dtb, how: 'known from an earlier opening', taken: true, why: 'the image is the same' });
    return { dtb: known.dtb, image: kernel ?? fromFacts(known) };
  }
  const search = new KernelSearch(image.memory.size);
  for (const { dtb, how, hint } of dtbCandidates(image.memory)) {
    const kernel = findKernel(new AddressSpace(image.memory, X64, dtb, SOFTWARE_PTE), hint, search);
    if (kernel !== undefined) {
      diagnosis.dtbs.push({ dtb, how, taken: true, why: `it maps ${kernel.name} at 0x${kernel.base.toString(16)}` });
      return { dtb, image: kernel };
    }
    diagnosis.dtbs.push({ dtb, how, taken: false, why: 'no kernel image is mapped in its kernel half' });
    if (diagnosis.dtbs.length >= MAX_CANDIDATES) break;
  }
  const tables = diagnosis.dtbs.map(({ dtb }) => dtb);
  const recovered = tables.length === 0 ? undefined : recoverKernel(image.memory, X64, tables);
  if (recovered !== undefined) {
    const { dtb, image: { name } } = recovered;
    diagnosis.dtbs.push({ dtb, how: 'System, by name and PID', taken: true, why: `its neighbours on the active list lead back to it; its layout is ${name}'s` });
    diagnosis.degraded.push('the kernel\'s image cannot be read through the page tables: it was recognised by its symbol record and by System\'s place on the active list; what its variables lead to may be missing');
    return recovered;
  }
  diagnosis.degraded.push('no kernel was found: only memory.pmem and this diagnosis can be shown');
  return undefined;
}

/** The highest physical address beyond the image's end that a refused table's entries lead to; undefined when none does. */
function highestTable(image: Image, diagnosis: Diagnosis): number | undefined {
  let highest = image.memory.size - 1;
  for (const { dtb } of diagnosis.dtbs) {
    const words = image.memory.page(dtb / 4096);
    for (let index = 0; words !== undefined && index < 1024; index += 2) {
      if ((words[index]! & X64.present) === 0) continue;
      highest = Math.max(highest, ((words[index + 1]! & X64.frameHigh) * 0x10_0000 + (words[index]! >>> 12)) * 4096);
    }
  }
  return highest < image.memory.size ? undefined : highest;
}

function fromFacts({ base, size, symbolFile, system }: KernelFacts): KernelImage {
  const profile = symbolFile === undefined ? undefined : bundledProfile(symbolFile);
  return { base, size, name: 'the kernel', symbolFile, symbolPath: undefined, system, exported: (name) => profile?.symbol(name) };
}

/** Chooses the profile, verifies it where it is not the exact one, and goes over to System's own tables. */
function recognise(
  image: Image, dtb: number, found: KernelImage, diagnosis: Diagnosis, anomalies: Anomalies, remembered: number | undefined,
): Kernel | undefined {
  const space = new AddressSpace(image.memory, X64, dtb, SOFTWARE_PTE);
  const { base, size, symbolFile, symbolPath, system: systemProcess } = found;
  const facts: KernelFacts = { dtb, base, size, symbolFile, system: systemProcess };
  diagnosis.kernel = { base: `0x${base.toString(16)}`, size, symbolFile, path: symbolPath };
  const make = (profile: Profile, table: number, software: SoftwarePte): Kernel =>
    new Kernel(image.memory, X64, software, { ...facts, dtb: table }, profile, anomalies, remembered);

  const exact = symbolFile === undefined ? undefined : bundledProfile(symbolFile);
  const candidates = exact !== undefined ? [exact] : nearest(space, found);
  for (const profile of candidates) {
    const first = make(profile, dtb, SOFTWARE_PTE);
    const system = systemTable(first);
    if (system === undefined && profile !== exact) continue;
    const table = system ?? dtb;
    if (table !== dtb) {
      diagnosis.dtbs.push({ dtb: table, how: 'DirectoryTableBase of System', taken: true, why: 'the first table was another process\'s; both map the kernel' });
    }
    const kernel = make(profile, table, softwarePte(profile, invalidPteMask(make(profile, table, SOFTWARE_PTE))));
    const checks = profile === exact
      ? ['the kernel\'s symbol file is known: offsets and symbols are exact']
      : ['System was found through PsInitialSystemProcess: name, PID, page table and list links agree with this layout'];
    diagnosis.profile = { id: profile.id, version: profile.version, source: profile.source, checks };
    if (profile !== exact) {
      diagnosis.degraded.push(`the kernel ${symbolFile ?? 'without symbol record'} is in no bundled table: layouts of ${profile.version} are used, verified on System only; `
        + 'views that need kernel symbols (object types, hives, PspCidTable) are reduced');
      diagnosis.next.push('give the symbols of this kernel');
    }
    if (system === undefined) {
      diagnosis.degraded.push('System and its neighbour on the active list cannot be read where the kernel says they are: pages are missing or overwritten, and lists may be incomplete');
    }
    const end = anomalies.attempt('physical memory', () => physicalRanges(kernel))?.at(-1)?.end ?? 0;
    if (end >= image.memory.size) {
      diagnosis.degraded.push(`the machine had memory up to 0x${end.toString(16)}, the image ends at 0x${image.memory.size.toString(16)}: what lies beyond is missing from all lists`);
      diagnosis.next.push('the image is cut off: acquire or copy it again, whole');
    }
    return kernel;
  }
  diagnosis.degraded.push('no known layout fits this kernel: only memory.pmem and this diagnosis can be shown');
  return undefined;
}

function* nearest(space: AddressSpace, found: KernelImage): Generator<Profile> {
  const exported = (name: string): number | undefined => found.exported(name);
  const rva = exported('NtBuildNumber');
  const build = rva === undefined ? undefined : space.read(found.base + BigInt(rva), 4)?.readUInt32LE(0);
  let tried = 0;
  for (const profile of nearestProfiles((build ?? 0) & 0xffff, undefined, exported)) {
    if (tried++ >= MAX_NEAREST) return;
    yield profile;
  }
}

/** System's own page table, when System is where PsInitialSystemProcess says and shows itself by name, PID and links. */
function systemTable(kernel: Kernel): number | undefined {
  const address = systemProcess(kernel);
  const record = address === undefined ? undefined : kernel.read(EPROCESS, address);
  if (record === undefined || record.pid !== 4 || record.name !== 'System') return undefined;
  const next = kernel.pointer(record.links.flink + BigInt(kernel.pointerSize));
  const offset = kernel.reader(EPROCESS).offset('links');
  if (address === undefined || offset === undefined || next !== address + BigInt(offset)) return undefined;
  const table = kernel.mode.tableOf(record.dtb);
  const own = new AddressSpace(kernel.physical, kernel.mode, table, SOFTWARE_PTE);
  return own.translate(kernel.base) === kernel.memory.translate(kernel.base) ? table : undefined;
}

/** `MiState.Hardware.InvalidPteMask`; 0n where the build has none or it is not in the image. */
function invalidPteMask(kernel: Kernel): bigint {
  const state = kernel.symbol('MiState');
  const field = kernel.profile.field('_MI_SYSTEM_INFORMATION', 'Hardware.InvalidPteMask');
  if (state === undefined || field === undefined) return 0n;
  return kernel.memory.read(state + BigInt(field.offset), 8)?.readBigUInt64LE(0) ?? 0n;
}
