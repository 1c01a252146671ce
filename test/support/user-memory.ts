import type { SyntheticKernel } from './kernel-image.js';
import { listInsert, type View } from './layout.js';
import { peImage, type PeSpec } from './pe-image.js';
import type { Space } from './tables.js';
import type { VadSpec } from './vads.js';

export interface ParametersSpec {
  readonly imagePath: string;
  readonly commandLine: string;
  readonly currentDirectory?: string;
  readonly windowTitle?: string;
  /** `NAME=value` */
  readonly environment?: readonly string[];
}

export interface ModuleSpec {
  readonly base: bigint;
  readonly pages: number;
  readonly name: string;
  /** FullDllName: `C:\Windows\System32\ntdll.dll`. */
  readonly path: string;
  /** FILE_OBJECT.FileName of the image VAD; from the path by default. */
  readonly file?: string;
  /** False: mapped, but in no list of the loader. */
  readonly linked?: boolean;
  readonly loaded?: bigint;
  readonly pe?: Partial<PeSpec>;
  /** What is mapped, whole, in place of `pe`. */
  readonly image?: Uint8Array;
}

/** PEB and what hangs on it begin here, in every 64-bit process that has one. */
export const PEB_ADDRESS = 0x0000_00e4_8a20_0000n;
const PEB_PAGES = 16;
const HEAP_PAGES = 64;
const PLACES = { 8: { peb: PEB_ADDRESS, heap: 0x0000_01c5_7740_0000n }, 4: { peb: 0x7ffd_0000n, heap: 0x0015_0000n } } as const;

/** The VADs that PEB and heap lie in. */
export function userVads({ profile: { pointerSize } }: SyntheticKernel): readonly VadSpec[] {
  const { peb, heap } = PLACES[pointerSize];
  return [
    { start: peb, pages: PEB_PAGES, commit: PEB_PAGES, protection: 4 },
    { start: heap, pages: HEAP_PAGES, commit: HEAP_PAGES, protection: 4 },
  ];
}

/** Where the TEB of a process's thread lies, by the thread's place in its list: behind the PEB. */
export function tebPlace({ profile: { pointerSize } }: SyntheticKernel, index: number): bigint {
  return PLACES[pointerSize].peb + 0x1000n + BigInt(index) * (pointerSize === 8 ? 0x2000n : 0x1000n);
}

/** The image VAD of a module, holding its PE headers. */
export function moduleVad({ base, pages, path, file, pe, image }: ModuleSpec, machine?: number): VadSpec {
  if (image !== undefined) return { start: base, pages, protection: 7, type: 2, file: file ?? path.replace(/^[A-Za-z]:/, ''), bytes: image };
  const bytes = Buffer.alloc(pages * 4096);
  const pieces = peImage({ dll: /\.dll$/i.test(path), base, ...(machine === undefined ? {} : { machine }), sizeOfImage: pages * 4096, sections: [{ name: '.text', rva: 0x1000, size: (pages - 1) * 4096 }], ...pe });
  for (const piece of pieces) bytes.set(piece.bytes.subarray(0, bytes.length - piece.rva), piece.rva);
  return { start: base, pages, protection: 7, type: 2, file: file ?? path.replace(/^[A-Za-z]:/, ''), bytes };
}

/** Writes PEB, process parameters and the loader's lists. Lists name the modules in the order given. */
export function writeUserMemory(
  kernel: SyntheticKernel, space: Space, process: View, parameters: ParametersSpec | undefined, modules: readonly ModuleSpec[], imageBase: bigint, session = 0,
): void {
  const { peb: pebAddress, heap } = PLACES[kernel.profile.pointerSize];
  let next = heap;
  const take = (size: number): bigint => {
    const at = next;
    next += BigInt((size + 15) & ~15);
    return at;
  };
  const view = (struct: string, at: bigint): View => kernel.view(struct, at, space);
  const text = (target: View, path: string, value: string): void => {
    target.setText(path, value, take(value.length * 2 + 2));
  };
  const peb = view('_PEB', pebAddress);
  process.set('Peb', pebAddress);
  peb.set('ImageBaseAddress', imageBase).setIfAny('SessionId', session);
  if (parameters !== undefined) {
    const block = view('_RTL_USER_PROCESS_PARAMETERS', take(kernel.profile.sizeOf('_RTL_USER_PROCESS_PARAMETERS')!));
    peb.set('ProcessParameters', block.address);
    block.set('Flags', 1);
    text(block, 'CurrentDirectory.DosPath', parameters.currentDirectory ?? 'C:\\Windows\\system32\\');
    text(block, 'ImagePathName', parameters.imagePath);
    text(block, 'CommandLine', parameters.commandLine);
    text(block, 'WindowTitle', parameters.windowTitle ?? parameters.imagePath);
    const environment = Buffer.from(`${(parameters.environment ?? []).map((variable) => `${variable}\0`).join('')}\0`, 'utf16le');
    const at = take(environment.length);
    space.write(at, environment);
    block.set('Environment', at).setIfAny('EnvironmentSize', environment.length);
  }
  const ldr = view('_PEB_LDR_DATA', take(kernel.profile.sizeOf('_PEB_LDR_DATA')!));
  peb.set('Ldr', ldr.address);
  ldr.set('Initialized', 1).listInit('InLoadOrderModuleList').listInit('InMemoryOrderModuleList').listInit('InInitializationOrderModuleList');
  for (const module of modules.filter(({ linked = true }) => linked)) {
    const entry = writeLdrEntry(view('_LDR_DATA_TABLE_ENTRY', take(kernel.profile.sizeOf('_LDR_DATA_TABLE_ENTRY')!)), module, text);
    listInsert(space, ldr.at('InLoadOrderModuleList'), entry.at('InLoadOrderLinks'));
    listInsert(space, ldr.at('InMemoryOrderModuleList'), entry.at('InMemoryOrderLinks'));
    listInsert(space, ldr.at('InInitializationOrderModuleList'), entry.at('InInitializationOrderLinks'));
  }
}

/** Fills a loader entry, of a process or of the kernel; links are left alone. */
export function writeLdrEntry(entry: View, module: ModuleSpec, text: (target: View, path: string, value: string) => void): View {
  entry.set('DllBase', module.base).set('EntryPoint', module.base + 0x1000n).set('SizeOfImage', module.pages * 4096);
  text(entry, 'FullDllName', module.path);
  text(entry, 'BaseDllName', module.name);
  return entry.setIfAny('LoadTime', module.loaded ?? 0n);
}
