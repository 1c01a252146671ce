import { Anomalies } from '../bytes/anomaly.js';
import type { Image } from '../image/image.js';
import { AddressSpace } from '../paging/address-space.js';
import { MODES, X64, type PagingMode } from '../paging/mode.js';
import { SOFTWARE_PTE, softwarePte, type SoftwarePte } from '../paging/pte.js';
import type { Profile } from '../profile/profile.js';
import { profileChoices, type Choice } from './choose-profile.js';
import { completed, derivedChoice, derivedLine } from './derived-choice.js';
import { Look, type Evidence } from './derive/evidence.js';
import { findActiveList } from './derive/system.js';
import { verifyProfile } from './derive/verify.js';
import { newDiagnosis, type Diagnosis } from './diagnosis.js';
import { kernelAt, type KernelImage } from './find-kernel.js';
import { invalidPteMask } from './invalid-pte-mask.js';
import { Kernel, type KernelFacts } from './kernel.js';
import { kernelVersion, type KernelVersion } from './kernel-version.js';
import { locations, type Located } from './locate.js';
import type { OpenOptions } from './options.js';
import { PagedOutPages } from './page-file.js';
import { physicalRanges } from './physical-map.js';
import { machineName } from '../profile/machine.js';
import { EPROCESS, systemProcess } from './process-list.js';
import { profileFrom, type ProfileFacts } from './profile-facts.js';
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

/** Kernels whose layouts are looked for; beyond the first few an image is made to exhaust us. */
const MAX_KERNELS = 8;

/** Recognises the Windows in an image: page tables, kernel, profile. Never throws for what the image holds. */
export function openWindows(image: Image, options: OpenOptions = {}): OpenedWindows {
  const anomalies = options.anomalies ?? new Anomalies();
  const { known } = options;
  const again = known === undefined ? undefined : reopened(image, known, anomalies, options);
  const diagnosis = newDiagnosis(containerOf(image));
  const earlier = options.diagnosis === undefined ? undefined : { ...options.diagnosis, container: diagnosis.container };
  if (again !== undefined) return opened(image, earlier ?? knownDiagnosis(diagnosis, again), anomalies, again);
  if (earlier !== undefined && known === undefined) return opened(image, earlier, anomalies, undefined);
  sayOverrides(diagnosis, options);
  const kernel = search(image, diagnosis, anomalies, options);
  if (kernel === undefined) {
    const beyond = highestTable(image, diagnosis);
    diagnosis.next.push(beyond === undefined
      ? 'check that the acquisition is complete: compare the file size with the memory of the machine'
      : `the image is cut off: its page tables lead to 0x${beyond.toString(16)}, beyond the file's end; acquire or copy it again, whole`);
    diagnosis.next.push('if you know them, give the page table and the kernel: --dtb, --kernel-base, --arch');
  }
  return opened(image, diagnosis, anomalies, kernel);
}

function opened(image: Image, diagnosis: Diagnosis, anomalies: Anomalies, kernel: Kernel | undefined): OpenedWindows {
  return { image, diagnosis, anomalies, windows: kernel === undefined ? undefined : new WindowsModel(kernel), facts: kernel?.facts };
}

function containerOf({ path, format, reason, fileSize, memory }: Image): Diagnosis['container'] {
  return { path, format, reason, size: fileSize, ranges: memory.layout.map(({ start, length }) => ({ start, end: start + length })) };
}

/** The diagnosis of a kernel that was known before, where what was written down then is not at hand. */
function knownDiagnosis(diagnosis: Diagnosis, { facts, profile }: Kernel): Diagnosis {
  diagnosis.dtbs.push({ dtb: facts.dtb, mode: facts.mode ?? 'x64', how: 'known from an earlier opening', taken: true, why: 'the image is the same' });
  diagnosis.kernel = { base: `0x${facts.base.toString(16)}`, size: facts.size, symbolFile: facts.symbolFile, path: undefined };
  diagnosis.profile = { id: profile.id, version: profile.version, source: profile.source, label: profile.label, checks: ['chosen at an earlier opening'] };
  return diagnosis;
}

/** The kernel that an earlier opening recognised; undefined when the facts do not lead to it (any more). */
function reopened(image: Image, known: KernelFacts, anomalies: Anomalies, options: OpenOptions): Kernel | undefined {
  const mode = known.mode === undefined ? X64 : MODES.find(({ name }) => name === known.mode);
  if (mode === undefined || known.dtb < 0 || known.dtb >= image.memory.size || mode.tableOf(known.dtb) !== known.dtb) return undefined;
  const found = kernelAt(new AddressSpace(image.memory, mode, known.dtb, SOFTWARE_PTE), known.base);
  const source: ProfileFacts = known.profile ?? { layouts: known.symbolFile === undefined ? undefined : { from: 'bundled', id: known.symbolFile } };
  const profile = profileFrom(source, mode, (name) => found?.exported(name));
  return profile === undefined ? undefined : kernelOf(image, mode, known, profile, anomalies, options);
}

/** The first kernel that a table maps and a profile fits. */
function search(image: Image, diagnosis: Diagnosis, anomalies: Anomalies, options: OpenOptions): Kernel | undefined {
  const tried = new Set<string>();
  for (const located of locations(image, diagnosis, options)) {
    const { dtb, mode, how, image: { name, base } } = located;
    const at = `0x${base.toString(16)}`;
    // Many tables map the same kernel: a profile that did not fit it once will not fit it again.
    const key = `${mode.name} ${base} ${new AddressSpace(image.memory, mode, dtb, SOFTWARE_PTE).translate(base)}`;
    const refuse = (why: string): void => {
      diagnosis.dtbs.push({ dtb, mode: mode.name, how, taken: false, why });
    };
    if (tried.has(key) || tried.size >= MAX_KERNELS) {
      refuse(`it maps ${name} at ${at} too`);
      continue;
    }
    tried.add(key);
    const verdicts = diagnosis.dtbs.length;
    const kernel = recognise(image, located, diagnosis, anomalies, options);
    if (kernel === undefined) {
      refuse(`it maps ${name} at ${at}, but no layout fits that kernel`);
      continue;
    }
    diagnosis.dtbs.splice(verdicts, 0, {
      dtb, mode: mode.name, how, taken: true,
      why: located.degraded === undefined ? `it maps ${name} at ${at}` : `its neighbours on the active list lead back to it; its layout is ${name}'s`,
    });
    return kernel;
  }
  diagnosis.degraded.push(diagnosis.kernel === undefined
    ? 'no kernel was found: only memory.pmem and this diagnosis can be shown'
    : 'no known layout fits this kernel: only memory.pmem and this diagnosis can be shown');
  return undefined;
}

/** Chooses the profile, verifies it where it is not the kernel's own, and goes over to System's own tables. */
function recognise(image: Image, located: Located, diagnosis: Diagnosis, anomalies: Anomalies, options: OpenOptions): Kernel | undefined {
  const { dtb, mode, image: found } = located;
  const space = new AddressSpace(image.memory, mode, dtb, SOFTWARE_PTE);
  const { base, size, symbolFile } = found;
  diagnosis.kernel = {
    base: `0x${base.toString(16)}`, size, symbolFile, path: found.symbolPath, machine: machineName(found.machine),
    timestamp: found.timestamp === undefined ? undefined : `0x${found.timestamp.toString(16)}`,
  };
  let version: KernelVersion | undefined;
  const versionOf = (): KernelVersion | undefined => {
    version ??= kernelVersion(space, found);
    Object.assign(diagnosis.kernel ?? {}, { version: version?.text, versionFrom: version?.from });
    return version;
  };
  let facts: KernelFacts = { dtb, base, size, symbolFile, system: found.system, mode: mode.name, symbols: symbolPlaces(options) };
  const evidence = { physical: image.memory, space, image: found };
  const accept = (choice: Choice, table: number | undefined, checks: readonly string[]): Kernel => {
    if (table !== undefined && table !== dtb) {
      diagnosis.dtbs.push({ dtb: table, mode: mode.name, how: 'DirectoryTableBase of System', taken: true, why: 'the first table was another process\'s; both map the kernel' });
    }
    const complete = choice.exact || choice.derived !== undefined ? choice : completed(choice, evidence, version);
    const kernel = kernelOf(image, mode, { ...facts, dtb: table ?? dtb, profile: complete.facts }, complete.profile, anomalies, options);
    if (located.degraded !== undefined) diagnosis.degraded.push(located.degraded);
    sayProfile(diagnosis, kernel, complete, checks, whyNotExact(blind !== undefined, options));
    if (table === undefined) {
      diagnosis.degraded.push('System and its neighbour on the active list cannot be read where the kernel says they are: pages are missing or overwritten, and lists may be incomplete');
    }
    sayWhatIsCutOff(diagnosis, kernel);
    if (kernel.memory.pagedOut instanceof PagedOutPages) diagnosis.degraded.push(...kernel.memory.pagedOut.warnings());
    return kernel;
  };
  let blind: { readonly choice: Choice; readonly checks: readonly string[] } | undefined;
  // Without the variable that names it, layouts can be verified only when System is found by what it is.
  let sought = found.system !== undefined;
  for (const choice of allChoices(evidence, versionOf, options, diagnosis)) {
    if (!choice.exact && !sought) {
      sought = true;
      if (found.exported('PsInitialSystemProcess') === undefined) facts = { ...facts, system: choice.derived === undefined ? findActiveList(new Look(evidence))?.system : choice.derived.system };
    }
    const first = kernelOf(image, mode, { ...facts, profile: choice.facts }, choice.profile, new Anomalies(), options);
    const { table, failed, checks } = verified(first, choice, evidence);
    if (failed !== undefined) diagnosis.refused.push({ profile: choice.profile.label, why: failed });
    else if (table === undefined) blind ??= { choice, checks };
    else return accept(choice, table, checks);
  }
  // The record of the symbol file may be right all the same: pages are missing.
  return blind === undefined ? undefined : accept(blind.choice, undefined, blind.checks);
}

/** What the tables say, and at last what can be derived without them. */
function* allChoices(
  evidence: Evidence & { readonly image: KernelImage }, version: () => KernelVersion | undefined, options: OpenOptions, diagnosis: Diagnosis,
): Generator<Choice> {
  const { mode } = evidence.space;
  let nearest: Choice | undefined;
  for (const choice of profileChoices(evidence.image, mode, version, options, (why) => diagnosis.refused.push({ profile: 'symbol files', why }))) {
    yield choice;
    if (!choice.exact) nearest ??= choice;
  }
  yield derivedChoice(nearest, evidence, version());
}

interface Verdict {
  /** System's own page table; undefined when System cannot be seen. */
  readonly table: number | undefined;
  /** Why the profile is not to be used. */
  readonly failed?: string;
  readonly checks: readonly string[];
}

/** An exact profile is right whatever the image shows; every other must show System, and what all processes show must not contradict it. */
function verified(kernel: Kernel, { exact, derived }: Choice, evidence: Evidence): Verdict {
  const table = kernel.anomalies.attempt('System', () => systemTable(kernel));
  if (exact) return { table, checks: ['the kernel\'s symbol file is known: offsets and symbols are exact'] };
  if (table === undefined) return { table, failed: 'System does not show itself: name, PID, page table or list links do not agree with this layout', checks: [] };
  const system = 'System: name, PID, page table and list links agree with this layout';
  if (derived !== undefined) return { table, checks: [system] };
  const { ok, failed, checks } = verifyProfile(evidence, kernel.profile);
  if (failed.length > 0) return { table, failed: failed.length === 1 ? failed[0]! : `${failed[0]}; and ${failed.length - 1} more`, checks: [] };
  return { table, checks: ok ? [system, ...checks] : [system, 'it could be held against System alone', ...checks] };
}

function whyNotExact(blind: boolean, { overrides }: OpenOptions): string {
  if (blind) return 'names symbols that do not fit it';
  return overrides?.profile === undefined ? 'is in no bundled table' : 'is read as was asked for';
}

function sayProfile(diagnosis: Diagnosis, { profile, facts: { symbolFile } }: Kernel, { exact, derived, facts }: Choice, checks: readonly string[], why: string): void {
  const { id, version, source, label } = profile;
  diagnosis.profile = { id, version, source, label, checks: [...checks] };
  if (exact) return;
  diagnosis.derived.push(...derived?.facts.map(derivedLine) ?? []);
  const what = `the kernel ${symbolFile ?? 'without symbol record'} ${why}: `;
  if (source === 'derived') diagnosis.degraded.push(`${what}its layouts were derived from the image, as far as they are listed above`);
  else diagnosis.degraded.push(`${what}${label} are used, ${facts.derived === undefined ? '' : 'completed from the image, '}verified on the processes alone`);
  for (const missing of derived?.missing ?? []) diagnosis.degraded.push(missing);
  diagnosis.next.push(symbolFile === undefined ? 'give the symbols of this kernel with --symbols' : `give the symbols of this kernel (${diagnosis.kernel?.path ?? 'its PDB'} ${symbolFile}) with --symbols`);
}

function sayWhatIsCutOff(diagnosis: Diagnosis, kernel: Kernel): void {
  const end = kernel.anomalies.attempt('physical memory', () => physicalRanges(kernel))?.at(-1)?.end ?? 0;
  if (end < kernel.physical.size) return;
  diagnosis.degraded.push(`the machine had memory up to 0x${end.toString(16)}, the image ends at 0x${kernel.physical.size.toString(16)}: what lies beyond is missing from all lists`);
  diagnosis.next.push('the image is cut off: acquire or copy it again, whole');
}

/** Where symbols of other modules are looked for, for every thread that opens the same kernel. */
function symbolPlaces({ symbolFolders: folders = [], symbolCache: cache }: OpenOptions): KernelFacts['symbols'] {
  return folders.length === 0 && cache === undefined ? undefined : { folders, cache };
}

function sayOverrides(diagnosis: Diagnosis, { overrides = {}, pageFiles = [] }: OpenOptions): void {
  const { dtb, kernelBase, arch, profile } = overrides;
  for (const { number, path } of pageFiles) diagnosis.overrides.push(`the page file ${path} as number ${number} (--pagefile)`);
  if (dtb !== undefined) diagnosis.overrides.push(`the page table at 0x${dtb.toString(16)} (--dtb)`);
  if (kernelBase !== undefined) diagnosis.overrides.push(`the kernel at 0x${kernelBase.toString(16)} (--kernel-base)`);
  if (arch !== undefined) diagnosis.overrides.push(`paging of ${arch} (--arch)`);
  if (profile !== undefined) diagnosis.overrides.push(profile === 'none' ? 'no profile: everything is derived from the image (--profile)' : `the profile ${profile} (--profile)`);
}

/** The kernel by a profile, with PTEs that are not valid read as that build writes them. */
function kernelOf(image: Image, mode: PagingMode, facts: KernelFacts, profile: Profile, anomalies: Anomalies, { remembered, pageFiles = [] }: OpenOptions): Kernel {
  const make = (software: SoftwarePte, notes: Anomalies): Kernel => new Kernel(image.memory, mode, software, facts, profile, notes, remembered);
  // What this first look meets is met again by the kernel that stays.
  const first = make(SOFTWARE_PTE, new Anomalies());
  const variable = mode.pointerSize === 4 ? first.symbol('MmPagedPoolStart') : undefined;
  const pagedPoolStart = variable === undefined ? undefined : first.pointer(variable);
  const mask = first.anomalies.attempt('InvalidPteMask', () => invalidPteMask(first)) ?? 0n;
  const kernel = make(softwarePte(profile, mask, pagedPoolStart), anomalies);
  kernel.memory.pagedOut = new PagedOutPages(kernel, pageFiles);
  return kernel;
}

/** The highest physical address beyond the image's end that a refused table's entries lead to; undefined when none does. */
function highestTable(image: Image, diagnosis: Diagnosis): number | undefined {
  let highest = image.memory.size - 1;
  for (const { dtb, mode: name } of diagnosis.dtbs) {
    const mode = MODES.find((each) => each.name === name) ?? X64;
    const step = mode.entryBytes / 4;
    const words = image.memory.page(Math.floor(dtb / 4096));
    if (words === undefined || dtb % 4096 !== 0) continue;
    for (let index = 0; index < 2 ** mode.levels[0]!.bits * step; index += step) {
      const entry = words[index]!;
      if ((entry & mode.present) === 0) continue;
      const high = step === 2 ? words[index + 1]! & mode.frameHigh : 0;
      highest = Math.max(highest, (high * 0x10_0000 + (entry >>> 12)) * 4096);
    }
  }
  return highest < image.memory.size ? undefined : highest;
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
