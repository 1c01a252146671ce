import { factOf, find, score, type Found } from './rule.js';
import type { Session } from './session.js';
import { FLAGS_FORMS, flagsScore, longScore, VAD_FORMS, vadOf, vadRootRule, vadStructs, type FlagsForm, type VadForm } from './vad-rules.js';

const AT_LEAST = 3;
/** Share of the processes that show a PEB. */
const NEARLY_ALL = 0.9;
/** Processes whose image mapping is followed to its file. */
const MAX_FILES = 32;

/** How well each form of flags fits a form of nodes, the best first. */
function flagsScores({ look, context }: Session, form: VadForm, vadRoot: number): readonly { readonly flags: FlagsForm; readonly yes: number; readonly no: number }[] {
  return FLAGS_FORMS.filter(({ old, bytes }) => old === (form.flags1 === undefined) && (!old || bytes === look.pointerSize))
    .map((flags) => ({ flags, ...flagsScore(context, form, flags, vadRoot) }))
    .sort((a, b) => b.yes - a.yes);
}

/** `_EPROCESS.VadRoot`, `_MMVAD` and `_MMVAD_FLAGS`: the form of nodes whose trees hold what they must, and of their flags. */
export function deriveVads(session: Session): void {
  const { look, draft, context, samples } = session;
  const shown = samples.filter((sample) => context.peb(sample)?.lists === true).length;
  let best: { form: VadForm; found: Found; flags: number } | undefined;
  for (const form of VAD_FORMS) {
    // Where nearly every tree is as this form says, only those that read the same places can be better.
    if (best !== undefined && best.found.yes >= shown * NEARLY_ALL && !samePlaces(best.form, form)) continue;
    const found = find(vadRootRule(form), samples, look.pointerSize, context);
    if (found === undefined) continue;
    // Forms that have their links and ranges in the same places are told apart by their bits, and by what the long ones lead to.
    const flags = Math.max(...flagsScores(session, form, found.offset).map(({ yes }) => yes), 0) + longScore(context, form, found.offset);
    if (found.yes > (best?.found.yes ?? 0) || (found.yes === best?.found.yes && flags > best.flags)) best = { form, found, flags };
  }
  if (best === undefined) {
    draft.missing.push('_EPROCESS.VadRoot: no place leads to a sorted tree that holds the PEB and the image of enough processes');
    return;
  }
  const { form, found } = best;
  const rule = vadRootRule(form);
  context.know('VadRoot', found.offset);
  draft.field('_EPROCESS', 'VadRoot', found.offset, rule.type);
  if (form.root !== 0) draft.add({ _MM_AVL_TABLE: [form.root + look.pointerSize, [['BalancedRoot.RightChild', form.root, '*void']]] });
  draft.facts.push(factOf(rule, found));
  session.judges.set('_EPROCESS.VadRoot', { found, at: (offset) => score(rule, samples, offset, context) });
  const flags = flagsScores(session, form, found.offset)[0];
  if (flags === undefined || flags.yes < AT_LEAST) {
    draft.missing.push('_MMVAD_FLAGS: no known form of the bits fits the nodes that hold PEB and image');
    return;
  }
  session.vad = { form, flags: flags.flags };
  draft.add(vadStructs(form, flags.flags));
  draft.facts.push({ what: '_MMVAD_SHORT', value: form.name, how: rule.how, confidence: factOf(rule, found).confidence, checkedOn: found.yes });
  draft.facts.push({
    what: '_MMVAD_FLAGS', value: flags.flags.name, how: 'image mappings are executable copy-on-write, the PEB\'s pages private and writable',
    confidence: Math.round((100 * (flags.yes + 1)) / (flags.yes + flags.no + 2)) / 100, checkedOn: flags.yes,
  });
}

/** Whether two forms read links and ranges in the same places. */
function samePlaces(a: VadForm, b: VadForm): boolean {
  return (['pointerSize', 'left', 'right', 'parent', 'startVpn', 'endVpn', 'vpnBytes', 'high', 'root'] as const).every((place) => a[place] === b[place]);
}

/** IO_TYPE_FILE: what `_FILE_OBJECT.Type` says. */
const FILE_TYPE = 5;

/** `_CONTROL_AREA.FilePointer`: the place that leads from image mappings to file objects. */
export function filePointer({ look, context, samples, vad, draft }: Session): number {
  const places = look.pointerSize === 8 ? [0x40, 0x30] : [0x20, 0x24];
  if (vad === undefined) return places[0]!;
  const vadRoot = context.offset('VadRoot')!;
  const mask = look.pointerSize === 8 ? ~0xfn : ~0x7n;
  const counts = places.map(() => 0);
  for (const sample of samples.slice(0, MAX_FILES)) {
    const peb = context.peb(sample);
    if (peb === undefined) continue;
    const node = vadOf(context, vad.form, look.word(sample.bytes, vadRoot + vad.form.root), Number(peb.imageBase >> 12n));
    const subsection = node === undefined ? undefined : look.pointer(node.address + BigInt(vad.form.subsection));
    const area = subsection === undefined || vad.form.direct ? subsection : look.pointer(subsection);
    places.forEach((place, i) => {
      const file = area === undefined ? undefined : look.pointer(area + BigInt(place));
      if (file === undefined || !look.isKernel(file)) return;
      if (look.space.read(file & mask, 2)?.readUInt16LE(0) === FILE_TYPE) counts[i]! += 1;
    });
  }
  const best = counts[0]! >= counts[1]! ? 0 : 1;
  if (counts[best]! > 0) {
    draft.facts.push({ what: '_CONTROL_AREA.FilePointer', value: places[best]!, how: 'leads from image mappings to file objects', confidence: 0.95, checkedOn: counts[best]! });
  }
  return places[best]!;
}
