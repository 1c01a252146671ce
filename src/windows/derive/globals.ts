import { peHeader } from '../../pe/header.js';
import { debuggerData, DEBUGGER_DATA } from './debugger-data.js';
import { typeName } from './derive-objects.js';
import type { Look } from './evidence.js';
import { TYPE_FORMS } from './object-rules.js';
import type { Session } from './session.js';

/** No kernel's image is larger. */
const MAX_IMAGE = 0x200_0000;
/** Pointers out of the image that are followed, each target once. */
const MAX_TARGETS = 60_000;
/** `_HHIVE.Signature`. */
const HIVE = 0xbee0_bee0;
/** The types that the kernel makes first, in slots 2 to 4 of ObTypeIndexTable. */
const FIRST_TYPES = ['Type', 'Directory', 'SymbolicLink'];
const FIRST_SLOT = 2;

/** Where pointers that lead out of the kernel's image stand in it, and what they lead to. */
export interface ImagePointers {
  /** Addresses of `_CMHIVE` that the kernel's variables name. */
  readonly hives: readonly bigint[];
}

/** IMAGE_SCN_MEM_EXECUTE. */
const EXECUTABLE = 0x2000_0000;

type Ranges = readonly (readonly [start: number, end: number])[];

/** Bytes of the kernel's image. */
interface ImageBytes {
  /** From the base on; absent pages as zeros. */
  readonly bytes: Buffer;
  /** Where data may be, and what the section headers call code (zeros, until it is needed): [start, end) in bytes, multiples of a page. */
  readonly ranges: Ranges;
  readonly rest: Ranges;
}

/** The image; undefined when there is none. */
function imageBytes({ image, space }: Look): ImageBytes | undefined {
  if (image === undefined || image.size <= 0) return undefined;
  const size = Math.min(image.size, MAX_IMAGE) & ~0xfff;
  const bytes = Buffer.from(new ArrayBuffer(size));
  const code = (peHeader(space, image.base)?.sections ?? []).filter(({ characteristics }) => (characteristics & EXECUTABLE) !== 0)
    .map(({ rva, virtualSize }) => [Math.min((rva + 0xfff) & ~0xfff, size), Math.min((rva + virtualSize) & ~0xfff, size)] as const)
    .filter(([start, end]) => start >= 0 && end > start).sort((a, b) => a[0] - b[0]);
  const ranges: [number, number][] = [];
  let at = 0;
  for (const [start, end] of [...code, [size, size] as const]) {
    if (start > at) ranges.push([at, start]);
    at = Math.max(at, end);
  }
  for (const [start, end] of ranges) space.fill(image.base + BigInt(start), bytes.subarray(start, end));
  const rest = code.map(([start, end]) => [start, end] as const);
  return { bytes, ranges, rest };
}

/** The kernel's variables: by exports, by the debugger's data block, and by what they lead to. */
export function deriveGlobals(session: Session): ImagePointers {
  const { look, draft, list } = session;
  const { image } = look;
  const data = imageBytes(look);
  if (image === undefined || data === undefined) {
    draft.missing.push('the kernel\'s variables: its image is not known');
    return { hives: [] };
  }
  for (const name of ['PsInitialSystemProcess', 'PsLoadedModuleList']) {
    const rva = image.exported(name);
    if (rva !== undefined) draft.symbol(name, rva, 'export', 1, 1);
  }
  if (list.head !== undefined && look.inImage(list.head)) {
    draft.symbol('PsActiveProcessHead', Number(list.head - image.base), 'the one entry of the active list in the kernel\'s image', 0.99, list.mutual);
  }
  const found = takeDebuggerData(session, data.bytes, data.ranges);
  const hives = followPointers(session, data.bytes, data.ranges);
  if ((!found || !draft.hasSymbol('PsLoadedModuleList')) && data.rest.length > 0) {
    // Headers that lie, or data among code.
    for (const [start, end] of data.rest) look.space.fill(image.base + BigInt(start), data.bytes.subarray(start, end));
    takeDebuggerData(session, data.bytes, data.rest);
    hives.push(...followPointers(session, data.bytes, data.rest));
  }
  if (!draft.hasSymbol('KdDebuggerDataBlock')) {
    draft.missing.push('KdDebuggerDataBlock: no block with the tag KDBG, the kernel\'s base and the active list is in the image, plain or encoded');
  }
  for (const name of ['PsLoadedModuleList', 'PspCidTable', 'ObTypeIndexTable']) {
    if (!draft.hasSymbol(name)) draft.missing.push(`${name}: no variable of the kernel's image leads to it`);
  }
  return { hives };
}

/** Whether a block was found. */
function takeDebuggerData({ look, draft, list }: Session, bytes: Buffer, ranges: Ranges): boolean {
  const { base } = look.image!;
  for (const block of debuggerData(bytes, base, ranges)) {
    const address = (name: string): bigint | undefined => {
      const value = block.member(DEBUGGER_DATA[name]!);
      return value === undefined ? undefined : look.pointerSize === 4 ? value & 0xffff_ffffn : value;
    };
    const [modules, head] = [address('PsLoadedModuleList'), address('PsActiveProcessHead')];
    // Noise behind a tag, or a block of another boot.
    if (modules === undefined || head === undefined || !look.inImage(modules) || !look.inImage(head)) continue;
    if (list.head !== undefined && head !== list.head) continue;
    const how = block.rotation === undefined ? 'KDBG, by its tag and KernBase' : `KDBG, encoded: turned by ${block.rotation} bits its tag and KernBase appear`;
    draft.symbol('KdDebuggerDataBlock', block.offset, how, 0.99, 1);
    for (const name of Object.keys(DEBUGGER_DATA)) {
      const value = address(name);
      if (value === undefined || value % 2n !== 0n && name !== 'NtBuildLab' || !look.inImage(value)) continue;
      draft.symbol(name, Number(value - base), 'named by KDBG', 0.95, 1);
    }
    return true;
  }
  return false;
}

/** One pass over the image: each pointer out of it is followed once, and what it leads to tells the variable. */
function followPointers(session: Session, bytes: Buffer, ranges: Ranges): bigint[] {
  const { look, draft, list } = session;
  const { base } = look.image!;
  const { pointerSize } = look;
  const words = new Uint32Array(bytes.buffer, 0, bytes.length >>> 2);
  const seen = new Set<bigint>();
  const hives: bigint[] = [];
  const names = typeNames(session);
  // Several variables may lead to the same: the type Type, the kernel's entry of the list of modules.
  let typeType: bigint | undefined;
  let kernelEntry: bigint | undefined;
  for (const at of pointersIn(look, words, ranges)) {
    if (seen.size >= MAX_TARGETS) break;
    const target = look.word(bytes, at);
    if (target === list.system) draft.symbol('PsInitialSystemProcess', at, 'a variable that names System', 0.9, 1);
    if (target === typeType) takeTypes(session, bytes, at);
    if (target === kernelEntry) takeModules(session, at);
    if (seen.has(target) || look.inImage(target)) continue;
    seen.add(target);
    const first = look.space.read(target, 0x40);
    if (first === undefined) continue;
    if (first.readUInt32LE(0) === HIVE) hives.push(target);
    if (look.word(first, 6 * pointerSize) === base) {
      kernelEntry = target;
      takeModules(session, at);
    }
    if (isCidTable(session, first)) draft.symbol('PspCidTable', at, 'a handle table whose first entry is System', 0.98, 1);
    if (names.some((name) => typeName(session, target, name) === FIRST_TYPES[0])) {
      typeType = target;
      takeTypes(session, bytes, at);
    }
  }
  return hives;
}

/** Places of aligned kernel pointers. */
function pointersIn(look: Look, words: Uint32Array, ranges: Ranges): number[] {
  const { pointerSize } = look;
  const window = { words };
  const places: number[] = [];
  for (const [start, end] of ranges) {
    for (let at = start; at < end; at += pointerSize) {
      if (look.kernelAt(window, at) && words[at >>> 2]! % pointerSize === 0) places.push(at);
    }
  }
  return places;
}

/** The list's head: the kernel's entry is the first and leads back to it. */
function takeModules({ look, draft }: Session, at: number): void {
  const head = look.image!.base + BigInt(at);
  const entry = look.pointer(head);
  if (entry === undefined || look.pointer(entry + BigInt(look.pointerSize)) !== head) return;
  draft.symbol('PsLoadedModuleList', at, 'a list whose first entry is the kernel', 0.99, 1);
}

/** Places of Name in the forms of `_OBJECT_TYPE`. */
function typeNames({ look }: Session): readonly number[] {
  return [...new Set(TYPE_FORMS.filter((form) => form.pointerSize === look.pointerSize).map(({ name }) => name))];
}

/** ObTypeIndexTable, where the first types stand one behind the other. */
function takeTypes(session: Session, bytes: Buffer, at: number): void {
  const { look, draft } = session;
  const { pointerSize } = look;
  if (at + FIRST_TYPES.length * pointerSize > bytes.length || at < FIRST_SLOT * pointerSize) return;
  for (const name of typeNames(session)) {
    if (!FIRST_TYPES.every((type, i) => typeName(session, look.word(bytes, at + i * pointerSize), name) === type)) continue;
    draft.symbol('ObTypeIndexTable', at - FIRST_SLOT * pointerSize, 'an array of types that begins with Type, Directory, SymbolicLink', 0.98, FIRST_TYPES.length);
    session.processType ??= processType(session, bytes, at, name);
    return;
  }
}

/** A handle table of no process whose handle 4 leads to System. */
function isCidTable({ look, draft, entry, list }: Session, first: Buffer): boolean {
  const code = draft.offset('_HANDLE_TABLE', 'TableCode');
  const owner = draft.offset('_HANDLE_TABLE', 'QuotaProcess');
  if (code === undefined || owner === undefined || entry === undefined) return false;
  if (look.word(first, owner) !== 0n) return false;
  const value = look.word(first, code);
  if (!look.isKernel(value) || (value & 0xff8n) !== 0n || (value & 7n) > 2n) return false;
  let page = value & ~7n;
  for (let depth = Number(value & 7n); depth > 0; depth -= 1) page = look.pointer(page) ?? 0n;
  const word = look.isKernel(page) ? look.pointer(page + BigInt(entry.fact[0])) : undefined;
  return word !== undefined && BigInt.asUintN(8 * look.pointerSize, entry.header(word)) === list.system;
}

/** The type Process among those of ObTypeIndexTable. */
function processType(session: Session, bytes: Buffer, at: number, name: number): bigint | undefined {
  for (let slot = 0; slot < 128 && at + (slot + 1) * session.look.pointerSize <= bytes.length; slot += 1) {
    const type = session.look.word(bytes, at + slot * session.look.pointerSize);
    if (!session.look.isKernel(type)) return undefined;
    if (typeName(session, type, name) === 'Process') return type;
  }
  return undefined;
}
