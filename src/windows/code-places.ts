import type { Anomalies } from '../bytes/anomaly.js';
import type { Memory } from '../bytes/memory.js';
import { ExportNames } from '../pe/export-names.js';
import { codeView, directoryOf, MACHINE, peHeader, type PeHeader } from '../pe/header.js';
import { ImageLayout } from '../pe/layout.js';
import { primaryFunction, type UnwindImage } from '../pe/unwind-frame.js';
import { ExceptionTable, type Lookup, type RuntimeFunction } from '../pe/unwind.js';
import type { Profile } from '../profile/profile.js';
import type { Kernel } from './kernel.js';
import { kernelModules, type Module } from './module.js';
import type { Process } from './process.js';
import { isExecutable, protectionName, vadAt } from './vad.js';

/** A place in code, by the module and function that hold it. */
export interface CodePlace {
  /** Undefined: in no module. */
  readonly module: Module | undefined;
  /** Offset from the module's base, without one from the start of the VAD; undefined when neither holds it. */
  readonly offset: number | undefined;
  /** A symbol or an export of the function, `entry` for the image's entry point; undefined when no name is known. */
  readonly function: string | undefined;
  /** Offset from what `function` names. */
  readonly displacement: number | undefined;
  /** Where the function begins, relative to the module's base; undefined when nothing says it. */
  readonly functionRva: number | undefined;
  /** What the memory is, where no module is: `private PAGE_EXECUTE_READWRITE`. */
  readonly memory: string | undefined;
}

/** IMAGE_SCN_MEM_EXECUTE. */
const EXECUTE = 0x2000_0000;
/** Without a table of functions, an export farther before an address says nothing of it: 32-bit images have none, and few exports. */
const NEAR = { x64: 0x100, x86: 0x1000 } as const;
const PAGE = 0x1000n;

/** A module's functions and names; parts are read when they are asked for. */
export class ModuleCode implements UnwindImage {
  readonly base: bigint;
  readonly layout: ImageLayout;
  /** Undefined when its first page is not in the image. */
  readonly header: PeHeader | undefined;
  /** Empty for images without one. */
  readonly functions: ExceptionTable;
  #exports: ExportNames | undefined;
  #symbols: { readonly known: Profile | undefined } | undefined;

  /** @param symbols gives the symbols of the image with this header, where the user has them */
  constructor(readonly module: Module, memory: Memory<bigint>, private readonly symbols: (header: PeHeader) => Profile | undefined) {
    this.base = module.base;
    this.header = peHeader(memory, module.base);
    this.layout = new ImageLayout(memory, module.base, Math.max(module.size, this.header?.sizeOfImage ?? 0));
    const table = this.isX64 && this.header !== undefined ? directoryOf(this.header, 'EXCEPTION') : undefined;
    this.functions = new ExceptionTable(this.layout, table?.rva ?? 0, table?.size ?? 0);
  }

  /** Whether what it has is x64 code; where its header is missing, what its mapping suggests. */
  get isX64(): boolean {
    return this.header === undefined ? !this.module.wow64 : this.header.machine === MACHINE.amd64;
  }

  /** It says where its functions begin and end. */
  get hasFunctions(): boolean {
    return this.isX64 && this.header !== undefined && directoryOf(this.header, 'EXCEPTION') !== undefined;
  }

  /** Undefined when its sections are not known. */
  executable(rva: number): boolean | undefined {
    const sections = this.header?.sections ?? [];
    if (sections.length === 0) return undefined;
    return sections.some((section) => rva >= section.rva && rva < section.rva + Math.max(section.virtualSize, section.rawSize) && (section.characteristics & EXECUTE) !== 0);
  }

  /** @param anomalies where contradictions are said */
  place(rva: number, anomalies: Anomalies, where: string): CodePlace {
    const found = this.functions.find(rva);
    const primary = found.kind === 'function' ? anomalies.attempt(where, () => primaryFunction(this.layout, found.entry)) ?? found.entry : undefined;
    const named = this.#name(rva, found, primary);
    return {
      module: this.module, offset: rva, memory: undefined,
      function: named?.name, displacement: named === undefined ? undefined : rva - named.rva, functionRva: primary?.begin,
    };
  }

  /** A name in the same function; of code that no entry describes, the last one behind the function before. */
  #name(rva: number, found: Lookup, primary: RuntimeFunction | undefined): { readonly name: string; readonly rva: number } | undefined {
    const inFunction = (names: { nearest(at: number): { readonly name: string; readonly rva: number } | undefined } | undefined, begin: number, first: number) => {
      const nearest = names?.nearest(rva);
      if (nearest !== undefined && nearest.rva >= begin) return nearest;
      // A further part of a function lies anywhere; what it is a part of has the name.
      const whole = first <= rva ? names?.nearest(first) : undefined;
      return whole?.rva === first ? whole : undefined;
    };
    const symbols = this.#symbolNames;
    const named = symbols && { nearest: (at: number) => symbols.symbolAt(at) };
    if (primary !== undefined && found.kind === 'function') {
      return inFunction(named, found.entry.begin, primary.begin) ?? inFunction(this.#exportNames, found.entry.begin, primary.begin)
        ?? (this.header !== undefined && this.header.entry !== 0 && primary.begin === this.header.entry ? { name: 'entry', rva: primary.begin } : undefined);
    }
    const nearest = named?.nearest(rva) ?? this.#exportNames?.nearest(rva);
    if (nearest === undefined) return undefined;
    if (found.kind === 'gap' && this.hasFunctions) return nearest.rva >= found.after ? nearest : undefined;
    return rva - nearest.rva < (this.isX64 ? NEAR.x64 : NEAR.x86) ? nearest : undefined;
  }

  get #symbolNames(): Profile | undefined {
    this.#symbols ??= { known: this.header === undefined ? undefined : this.symbols(this.header) };
    return this.#symbols.known;
  }

  get #exportNames(): ExportNames | undefined {
    if (this.#exports === undefined && this.header !== undefined) {
      const directory = directoryOf(this.header, 'EXPORT');
      this.#exports = new ExportNames(this.layout, directory?.rva ?? 0, directory?.size ?? 0);
    }
    return this.#exports;
  }
}

const kernelLists = new WeakMap<Kernel, readonly Module[]>();
/** Gone with the modules that a process forgets. */
const places = new WeakMap<readonly Module[], CodePlaces>();
/** The user's symbols of modules that are alike in many processes, by GUID and age. */
const symbols = new WeakMap<Kernel, Map<string, Profile | undefined>>();
const MOST_SYMBOLS = 32;

function symbolsOf(kernel: Kernel, memory: Memory<bigint>, base: bigint, header: PeHeader): Profile | undefined {
  if (base === kernel.base) return kernel.profile;
  const view = kernel.facts.symbols === undefined ? undefined : codeView(memory, base, header);
  if (view === undefined) return undefined;
  let known = symbols.get(kernel);
  if (known === undefined) symbols.set(kernel, known = new Map());
  const key = `${view.guid}-${view.age}`;
  if (!known.has(key)) {
    if (known.size >= MOST_SYMBOLS) known.delete(known.keys().next().value ?? '');
    known.set(key, kernel.moduleSymbols(view));
  }
  return known.get(key);
}

function sorted(modules: readonly Module[]): readonly Module[] {
  return [...modules].sort((a, b) => (a.base < b.base ? -1 : a.base > b.base ? 1 : 0));
}

/** Finds the code at addresses of a process, and of the kernel as the process sees it. */
export class CodePlaces {
  readonly #user: readonly Module[];
  readonly #kernel: readonly Module[];
  /** Kernel modules too: those of a session are mapped where its processes are, not in System. */
  readonly #codes = new Map<Module, ModuleCode>();

  constructor(private readonly process: Process, modules: readonly Module[]) {
    const { kernel } = process;
    let drivers = kernelLists.get(kernel);
    if (drivers === undefined) kernelLists.set(kernel, drivers = sorted(kernelModules(kernel)));
    this.#kernel = process.pid === 4 ? sorted(modules) : drivers;
    this.#user = process.pid === 4 ? [] : sorted(modules);
  }

  /** The module that holds an address, and what is known of its code. */
  at(address: bigint): ModuleCode | undefined {
    const module = this.moduleAt(address);
    if (module === undefined) return undefined;
    let known = this.#codes.get(module);
    if (known === undefined) {
      const { kernel, memory } = this.process;
      this.#codes.set(module, known = new ModuleCode(module, memory, (header) => symbolsOf(kernel, memory, module.base, header)));
    }
    return known;
  }

  moduleAt(address: bigint): Module | undefined {
    const list = this.process.kernel.isKernelAddress(address) ? this.#kernel : this.#user;
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list[middle]!.base <= address) low = middle + 1;
      else high = middle;
    }
    const module = list[low - 1];
    return module !== undefined && address < module.base + BigInt(module.size) ? module : undefined;
  }

  /** Whether code can stand at an address: in an executable section, on an executable page, or where pages were allocated so. */
  isCode(address: bigint): boolean {
    const code = this.at(address);
    const inSection = code?.executable(Number(address - code.base));
    if (inSection !== undefined) return inSection;
    const page = address & ~(PAGE - 1n);
    for (const { executable } of this.process.memory.mappings(page, page + PAGE)) return executable;
    const vad = this.process.kernel.isKernelAddress(address) ? undefined : vadAt(this.process.vads(), address);
    return vad !== undefined && isExecutable(vad);
  }

  /** Names an address. */
  describe(address: bigint): CodePlace {
    const code = this.at(address);
    if (code !== undefined) return code.place(Number(address - code.base), this.process.anomalies, `${this.process.where} module ${code.module.name}`);
    const vad = this.process.kernel.isKernelAddress(address) ? undefined : vadAt(this.process.vads(), address);
    const memory = vad === undefined ? undefined : `${vad.image ? 'image' : vad.private ? 'private' : 'mapped'} ${protectionName(vad.protection)}`;
    return { module: undefined, offset: vad === undefined ? undefined : Number(address - vad.start), function: undefined, displacement: undefined, functionRva: undefined, memory };
  }
}

/** What finds the code of a process, made once as long as its modules are remembered. */
export function codePlaces(process: Process): CodePlaces {
  const modules = process.modules();
  let known = places.get(modules);
  if (known === undefined) places.set(modules, known = new CodePlaces(process, modules));
  return known;
}

/** `ntdll.dll!NtWaitForSingleObject+0x14`, `smss.exe+0x1820`, `[private PAGE_EXECUTE_READWRITE]+0x30`; the address where nothing is known of it. */
export function placeText(address: bigint, { module, offset, function: name, displacement = 0, memory }: CodePlace): string {
  const plus = (value: number): string => (value === 0 ? '' : `+0x${value.toString(16)}`);
  if (module !== undefined) return name === undefined ? `${module.name}+0x${(offset ?? 0).toString(16)}` : `${module.name}!${name}${plus(displacement)}`;
  return memory === undefined || offset === undefined ? `0x${address.toString(16)}` : `[${memory}]+0x${offset.toString(16)}`;
}
