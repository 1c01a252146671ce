import { Anomalies } from '../../bytes/anomaly.js';
import type { Memory } from '../../bytes/memory.js';
import { walk } from '../../bytes/walk.js';
import type { StructFact } from '../../profile/profile.js';
import type { Sample } from './evidence.js';
import type { FieldRule } from './rule.js';
import { apply, bestForm, confidence, type Session } from './session.js';

const HIVE = 0xbee0_bee0;
/** No `_CMHIVE` of any build is longer (0x12f8 in 26100). */
const HIVE_WINDOW = 0x1400;
/** Hives that are looked at, and those that are counted. */
const MAX_HIVES = 64;
const MAX_LISTED = 8192;
const MAX_LENGTH = 0x4000_0000;
const REGISTRY = Buffer.from('\\REGISTRY', 'utf16le');
/** `ky02`, with which the body of an open key begins. */
const KEY_BODY = 0x6b79_3032;

interface HiveContext {
  readonly session: Session;
  /** The address space that maps the bins: of the process Registry, where there is one. */
  readonly bins: Memory<bigint>;
}

/** `_CMHIVE`, `_DUAL`, `_HMAP_ENTRY` and CmpHiveListHead. @param seeds hives that the kernel's variables name */
export function deriveHives(session: Session, seeds: readonly bigint[]): void {
  const { look, draft } = session;
  const first = seeds.slice(0, MAX_HIVES).flatMap((address) => look.sample(address, HIVE_WINDOW) ?? []);
  const context: HiveContext = { session, bins: registrySpace(session) };
  draft.add({ _CMHIVE: [8, [['Hive.Signature', 0, 'unsigned long']]] });
  const list = apply(session, LIST, first, context);
  if (list === undefined) return;
  const hives = listedHives(session, first, list.offset);
  for (const rule of rules(look.pointerSize)) {
    const found = apply(session, rule, hives, context);
    if (rule.path === 'HiveRootPath' && found !== undefined) {
      draft.field('_CMHIVE', 'FileUserName', found.offset - 2 * look.pointerSize, '_UNICODE_STRING');
      draft.field('_CMHIVE', 'FileFullPath', found.offset - 4 * look.pointerSize, '_UNICODE_STRING');
    }
    if (rule.path === 'Hive.Storage' && found !== undefined) deriveMaps(context, hives, found.offset, found.rivals);
  }
  deriveKeys(session, new Set(hives.map(({ address }) => address)));
}

/** The list of hives; the entry that lies in the kernel's image is its head. */
const LIST: FieldRule<HiveContext> = {
  struct: '_CMHIVE', path: 'HiveList', type: '_LIST_ENTRY', atLeast: 1,
  range: () => [0x100, HIVE_WINDOW - 16],
  how: 'neighbours that are hives too, or lie in the kernel\'s image, and lead back',
  test: (hive, offset, { session: { look } }) => {
    const { pointerSize } = look;
    if (!look.kernelAt(hive, offset) || !look.kernelAt(hive, offset + pointerSize)) return 'no';
    const [flink, blink] = [look.word(hive.bytes, offset), look.word(hive.bytes, offset + pointerSize)];
    const own = hive.address + BigInt(offset);
    if (flink === own || look.pointer(flink + BigInt(pointerSize)) !== own || look.pointer(blink) !== own) return 'no';
    return [flink, blink].every((link) => look.inImage(link) || look.space.read(link - BigInt(offset), 4)?.readUInt32LE(0) === HIVE) ? 'yes' : 'no';
  },
};

function listedHives({ look, draft, list }: Session, seeds: readonly Sample[], offset: number): Sample[] {
  const hives: Sample[] = [];
  const nodes = walk(seeds.map(({ address }) => address + BigInt(offset)), (link) => link, (link) => {
    const inImage = look.inImage(link);
    const links = look.isKernel(link) ? look.space.read(link, 2 * look.pointerSize) : undefined;
    if (links === undefined || (!inImage && look.space.read(link - BigInt(offset), 4)?.readUInt32LE(0) !== HIVE)) return undefined;
    return { value: { link, inImage }, next: [look.word(links, 0)] };
  }, { where: 'hive list', cap: MAX_LISTED, anomalies: new Anomalies() });
  let head: bigint | undefined;
  for (const { link, inImage } of nodes) {
    const hive = inImage || hives.length >= MAX_HIVES ? undefined : look.sample(link - BigInt(offset), HIVE_WINDOW);
    if (inImage) head = link;
    else if (hive !== undefined) hives.push(hive);
  }
  if (head !== undefined && look.image !== undefined && head !== list.head) {
    draft.symbol('CmpHiveListHead', Number(head - look.image.base), 'the one entry of the list of hives in the kernel\'s image', 0.98, hives.length);
  } else {
    draft.missing.push('CmpHiveListHead: the list of hives does not lead through the kernel\'s image');
  }
  return hives;
}

function rules(pointerSize: 4 | 8): readonly FieldRule<HiveContext>[] {
  return [
    {
      struct: '_CMHIVE', path: 'Hive.BaseBlock', type: '*_HBASE_BLOCK',
      range: () => [0x10, 0x80],
      how: 'leads to a base block, regf',
      test: (hive, offset, { session: { look }, bins }) => {
        const address = look.word(hive.bytes, offset);
        if (address === 0n || address % 0x1000n !== 0n) return 'no';
        const bytes = bins.read(address, 4) ?? look.space.read(address, 4);
        return bytes === undefined ? 'silent' : bytes.toString('latin1') === 'regf' ? 'yes' : 'no';
      },
    },
    {
      struct: '_CMHIVE', path: 'HiveRootPath', type: '_UNICODE_STRING',
      range: () => [0x100, HIVE_WINDOW - 16], tolerance: 0.2,
      how: 'a path that begins with \\REGISTRY',
      test: (hive, offset, { session: { look } }) => {
        const length = hive.words[offset >>> 2]! & 0xffff;
        if (!look.kernelAt(hive, offset + pointerSize)) return hive.words[offset >>> 2] === 0 ? 'silent' : 'no';
        if (length < REGISTRY.length || length % 2 !== 0) return 'no';
        const text = look.space.read(look.word(hive.bytes, offset + pointerSize), REGISTRY.length);
        return text === undefined ? 'silent' : text.equals(REGISTRY) ? 'yes' : 'no';
      },
    },
    {
      struct: '_CMHIVE', path: 'Hive.Storage', type: '_DUAL[2]',
      range: () => [0x80, HIVE_WINDOW - 0x40], tolerance: 0.3,
      how: 'a length in blocks, a cell map and a guard of ones, twice',
      copies: 'the other is the volatile half',
      test: (hive, offset, { session: { look } }) => {
        const length = hive.words[offset >>> 2]!;
        if (hive.words[(offset + 3 * pointerSize) >>> 2] !== 0xffff_ffff || length % 0x1000 !== 0 || length >= MAX_LENGTH) return 'no';
        if (length === 0) return look.zeroAt(hive, offset + pointerSize) ? 'silent' : 'no';
        return look.kernelAt(hive, offset + pointerSize) ? 'yes' : 'no';
      },
    },
  ];
}

/** Forms of `_HMAP_ENTRY`, by the symbols of the builds named: bytes, where the bin's and the block's addresses stand. */
const MAP_FORMS: readonly { readonly name: string; readonly pointerSize: 4 | 8; readonly old: boolean; readonly fact: StructFact }[] = ([4, 8] as const).flatMap((pointerSize) => {
  const word = pointerSize === 8 ? 'unsigned long long' : 'unsigned long';
  const newer: StructFact[1] = [['BlockOffset', 0, word], ['PermanentBinAddress', pointerSize, word]];
  const older: StructFact[1] = [['BlockAddress', 0, word], ['BinAddress', pointerSize, word]];
  return [
    { name: 'Windows 10 1803 and later', pointerSize, old: false, fact: [3 * pointerSize, newer] as const },
    { name: 'Windows 10 to 1709', pointerSize, old: false, fact: [5 * pointerSize, [...newer, ['TemporaryBinAddress', 2 * pointerSize, word]]] as const },
    { name: 'Windows 8 and 8.1', pointerSize, old: true, fact: [3 * pointerSize, older] as const },
    { name: 'Windows XP to 7', pointerSize, old: true, fact: [4 * pointerSize, older] as const },
  ];
});

/** `_DUAL` and `_HMAP_ENTRY`: the form whose entries lead to bins. */
function deriveMaps({ session, bins }: HiveContext, hives: readonly Sample[], storage: number, rivals: readonly number[]): void {
  const { look, draft } = session;
  const { pointerSize } = look;
  const second = guardBehind(hives, storage, pointerSize) ?? rivals[0];
  const size = second === undefined ? (pointerSize === 8 ? 0x278 : 0x13c) : second - storage;
  draft.add({ _DUAL: [size, [['Length', 0, 'unsigned long'], ['Map', pointerSize, '*_HMAP_DIRECTORY'], ['SmallDir', 2 * pointerSize, '*_HMAP_TABLE'], ['Guard', 3 * pointerSize, 'unsigned long']]] });
  const best = bestForm(MAP_FORMS.filter((form) => form.pointerSize === pointerSize), ({ old, fact: [stride] }) => {
    let yes = 0;
    let no = 0;
    for (const hive of hives) {
      const map = look.word(hive.bytes, storage + pointerSize);
      const table = look.isKernel(map) ? look.pointer(map) : undefined;
      if (table === undefined || !look.isKernel(table)) continue;
      const blocks = Math.min(8, hive.words[storage >>> 2]! / 0x1000);
      for (let block = 0; block < blocks; block += 1) {
        const entry = look.space.read(table + BigInt(block * stride), 2 * pointerSize);
        if (entry === undefined) continue;
        const [low, high] = [look.word(entry, 0), look.word(entry, pointerSize)];
        const bin = high & ~0xfn;
        const inBin = old ? low - bin : low;
        const signature = (bins.read(bin, 4) ?? look.space.read(bin, 4))?.toString('latin1');
        const fits = bin !== 0n && inBin >= 0n && inBin < 0x100_0000n && inBin % 0x1000n === 0n;
        if (fits && signature === 'hbin') yes += 1;
        else if (!fits || signature !== undefined) no += 1;
      }
    }
    return { yes, no };
  }, 1);
  if (best === undefined) {
    draft.missing.push('_HMAP_ENTRY: no known form leads from a hive\'s cell map to its bins');
    return;
  }
  session.map = best.form.fact;
  draft.add({ _HMAP_ENTRY: best.form.fact });
  draft.facts.push({ what: '_HMAP_ENTRY', value: best.form.name, how: 'cell maps lead to bins, hbin', confidence: confidence(best), checkedOn: best.yes });
}

/** Where the second half of the storage begins: the next guard at the same place in all hives. */
function guardBehind(hives: readonly Sample[], storage: number, pointerSize: number): number | undefined {
  for (let at = storage + 8 * pointerSize; at < HIVE_WINDOW - 0x40; at += pointerSize) {
    if (hives.length > 0 && hives.every((hive) => hive.words[(at + 3 * pointerSize) >>> 2] === 0xffff_ffff && hive.words[at >>> 2]! % 0x1000 === 0)) return at;
  }
  return undefined;
}

/** Places in `_CM_KEY_CONTROL_BLOCK`, by the symbols of Vista to 11: KeyHive, KeyCell, ParentKcb, NameBlock. */
const KEY_FORMS = [
  { pointerSize: 8, hive: 0x20, cell: 0x28, parent: 0x48, name: 0x50 },
  { pointerSize: 8, hive: 0x18, cell: 0x20, parent: 0x40, name: 0x48 },
  { pointerSize: 4, hive: 0x14, cell: 0x18, parent: 0x28, name: 0x2c },
  { pointerSize: 4, hive: 0x10, cell: 0x14, parent: 0x24, name: 0x28 },
] as const;

/** `_CM_KEY_BODY` and `_CM_KEY_CONTROL_BLOCK`: from keys that processes have open to hives that are known. */
function deriveKeys({ look, draft, openObjects }: Session, hives: ReadonlySet<bigint>): void {
  const { pointerSize } = look;
  const controls = [...openObjects].flatMap((body) => {
    const bytes = look.space.read(body, 2 * pointerSize);
    return bytes?.readUInt32LE(0) === KEY_BODY ? [look.word(bytes, pointerSize)] : [];
  });
  const best = bestForm(KEY_FORMS.filter((form) => form.pointerSize === pointerSize), ({ hive, parent }) => {
    let yes = 0;
    let no = 0;
    for (const control of controls) {
      const own = look.pointer(control + BigInt(hive));
      const above = look.pointer(control + BigInt(parent));
      if (own === undefined || above === undefined) continue;
      if (hives.has(own) && (above === 0n || look.isKernel(above))) yes += 1;
      else no += 1;
    }
    return { yes, no };
  }, 3);
  if (best === undefined) {
    draft.missing.push('_CM_KEY_CONTROL_BLOCK: no known form leads from open keys to hives');
    return;
  }
  const { form } = best;
  draft.add({
    _CM_KEY_BODY: [2 * pointerSize, [['Type', 0, 'unsigned long'], ['KeyControlBlock', pointerSize, '*_CM_KEY_CONTROL_BLOCK']]],
    _CM_KEY_CONTROL_BLOCK: [form.name + pointerSize, [
      ['KeyHive', form.hive, '*_HHIVE'], ['KeyCell', form.cell, 'unsigned long'], ['ParentKcb', form.parent, '*_CM_KEY_CONTROL_BLOCK'], ['NameBlock', form.name, '*_CM_NAME_CONTROL_BLOCK'],
    ]],
    _CM_NAME_CONTROL_BLOCK: pointerSize === 8
      ? [0x20, [['Compressed', 0, 'unsigned long:0,1'], ['NameLength', 0x18, 'unsigned short'], ['Name', 0x1a, 'wchar[1]']]]
      : [0x10, [['Compressed', 0, 'unsigned char'], ['NameLength', 0xc, 'unsigned short'], ['Name', 0xe, 'wchar[1]']]],
  });
  draft.facts.push({ what: '_CM_KEY_CONTROL_BLOCK.KeyHive', value: form.hive, how: 'open keys lead to listed hives', confidence: confidence(best), checkedOn: best.yes });
}

/** The space of the process Registry, a child of System (Windows 10 1803 and later), else System's. */
function registrySpace({ look, context, samples }: Session): Memory<bigint> {
  const name = context.offset('ImageFileName');
  const registry = name === undefined ? undefined
    : samples.find((sample) => sample.bytes.toString('latin1', name, name + 9) === 'Registry\0' && context.value(sample, 'InheritedFromUniqueProcessId') === 4);
  return (registry === undefined ? undefined : context.space(registry)) ?? look.space;
}
