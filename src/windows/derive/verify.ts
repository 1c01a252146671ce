import type { Field, Profile } from '../../profile/profile.js';
import { derivation } from './derive.js';
import type { Evidence } from './evidence.js';
import type { Judge, Session } from './session.js';

/** What became of a layout that was held against an image. */
export interface Verified {
  /** No field that could be checked contradicts the image, and those that processes are found by were checked. */
  readonly ok: boolean;
  /** What contradicts the image, a sentence each: none, where the image shows too little to say. */
  readonly failed: readonly string[];
  /** What was checked, a sentence each; failures first. */
  readonly checks: readonly string[];
}

/** Fields that more than one name is used for. */
const OTHER_NAMES: Readonly<Record<string, readonly string[]>> = { '_EPROCESS.WoW64Process': ['Wow64Process'] };
/** Without these there are no processes. */
const NEEDED = ['UniqueProcessId', 'ActiveProcessLinks', 'Pcb.DirectoryTableBase', 'ImageFileName', 'InheritedFromUniqueProcessId'];
/** Structures that must agree before a contradiction counts. */
const AT_LEAST = 3;
/** Share of what the best place has that another must have to pass. */
const NEARLY = 0.9;

/**
 * Holds a layout against the image: each field that the image shows by itself must lie where the layout says, on at least three
 * structures. Give the same `space` for several layouts: what the image shows is worked out once.
 */
export function verifyProfile(kernel: Evidence, profile: Profile): Verified {
  const { session, missing } = derivation(kernel);
  if (profile.pointerSize !== kernel.space.mode.pointerSize) {
    const failed = [`the layout has pointers of ${profile.pointerSize} bytes, the page tables say ${kernel.space.mode.pointerSize}`];
    return { ok: false, failed, checks: failed };
  }
  if (session === undefined) return { ok: false, failed: [], checks: ['nothing in the image can verify a layout', ...missing] };
  const failed: string[] = [];
  const passed: string[] = [];
  const same = (what: string, found: number, told: number | undefined, yes: number): void => {
    if (told === found) passed.push(`${what} at 0x${found.toString(16)}: ${yes} agree`);
    else failed.push(`${what}: the layout says ${place(told)}, ${yes} structures of the image say 0x${found.toString(16)}`);
  };
  same('_EPROCESS.UniqueProcessId', session.list.pidOffset, profile.field('_EPROCESS', 'UniqueProcessId')?.offset, session.list.mutual);
  same('_EPROCESS.ActiveProcessLinks', session.list.linksOffset, profile.field('_EPROCESS', 'ActiveProcessLinks')?.offset, session.list.mutual);
  for (const [what, judge] of session.judges) {
    if (!what.includes('.')) continue;
    const verdict = judged(profile, what, judge);
    if (verdict !== undefined) (verdict.ok ? passed : failed).push(verdict.check);
  }
  for (const { what, found, told, yes } of forms(session, profile)) same(what, found, told, yes);
  const unchecked = NEEDED.filter((path) => path.startsWith('Unique') || path.startsWith('Active') ? false : !session.judges.has(`_EPROCESS.${path}`));
  const notes = missing.map((sentence) => `not verified: ${sentence}`);
  return { ok: failed.length === 0 && unchecked.length === 0, failed, checks: [...failed, ...notes, ...passed] };
}

/** One field against the image; undefined when the image shows it too seldom, or the layout does not use it. */
function judged(profile: Profile, what: string, { found, at }: Judge): { ok: boolean; check: string } | undefined {
  const [struct = '', ...rest] = what.split('.');
  const path = rest.join('.');
  const told = fieldOf(profile, struct, path, OTHER_NAMES[what]);
  if (told === undefined) {
    return NEEDED.includes(path) && struct === '_EPROCESS' ? { ok: false, check: `${what}: the layout does not have it` } : undefined;
  }
  const { offset } = told;
  if (offset === found.offset || found.rivals.includes(offset)) return { ok: true, check: `${what} at 0x${offset.toString(16)}: ${found.yes} agree` };
  const got = at(offset);
  if (got.yes >= found.yes * NEARLY && got.no <= Math.max(found.no, got.yes * (1 - NEARLY))) {
    return { ok: true, check: `${what} at 0x${offset.toString(16)}: ${got.yes} agree, as they do at 0x${found.offset.toString(16)}` };
  }
  if (found.yes < AT_LEAST) return undefined;
  return { ok: false, check: `${what}: the layout says 0x${offset.toString(16)}, where ${got.yes} structures agree and ${got.no} do not; 0x${found.offset.toString(16)} fits ${found.yes}` };
}

interface FormCheck {
  readonly what: string;
  readonly found: number;
  readonly told: number | undefined;
  readonly yes: number;
}

/** What the chosen forms say, member by member, beside what the layout says. */
function* forms({ vad, header, entry, map, judges, draft }: Session, profile: Profile): Generator<FormCheck> {
  const yes = (what: string): number => draft.facts.find((fact) => fact.what === what)?.checkedOn ?? 0;
  if (vad !== undefined) {
    const { form, flags } = vad;
    const count = judges.get('_EPROCESS.VadRoot')?.found.yes ?? 0;
    // Before Vista the short node is the beginning of the long one.
    const short = profile.fact('_MMVAD_SHORT') === undefined ? '_MMVAD' : '_MMVAD_SHORT';
    const members: [string, number][] = [['StartingVpn', form.startVpn], ['EndingVpn', form.endVpn], ['u.VadFlags', form.flags]];
    if (form.high !== undefined) members.push(['StartingVpnHigh', form.high]);
    for (const [path, found] of members) yield { what: `${short}.${path}`, found, told: profile.field(short, path)?.offset, yes: count };
    const left = form.links.concat(['VadNode.LeftChild', 'VadNode.Left', 'LeftChild']).map((path) => (/Right/.test(path) ? undefined : profile.field(short, path)));
    yield { what: `${short}.${form.links[0]}`, found: form.left, told: left.find((field) => field !== undefined)?.offset, yes: count };
    if (flags !== undefined) {
      const bits: [string, number | undefined][] = [['Protection', flags.protection], ['VadType', flags.type], ['ImageMap', flags.image], ['PrivateMemory', flags.private]];
      for (const [path, found] of bits) {
        if (found === undefined) continue;
        const field = profile.field(short, `u.VadFlags.${path}`);
        yield { what: `_MMVAD_FLAGS.${path} (bit)`, found, told: field?.bits?.[0], yes: yes('_MMVAD_FLAGS') };
      }
    }
  }
  if (header !== undefined) {
    const path = header.indexed ? 'TypeIndex' : 'Type';
    yield { what: `_OBJECT_HEADER.${path}`, found: header.type, told: profile.field('_OBJECT_HEADER', path)?.offset, yes: yes('_OBJECT_HEADER') };
    yield { what: '_OBJECT_HEADER.Body', found: header.body, told: profile.field('_OBJECT_HEADER', 'Body')?.offset, yes: yes('_OBJECT_HEADER') };
  }
  for (const [struct, path] of [['_OBJECT_TYPE', 'Name'], ['_OBJECT_TYPE', 'Key'], ['_CONTROL_AREA', 'FilePointer'], ['_CM_KEY_CONTROL_BLOCK', 'KeyHive']] as const) {
    const fact = draft.facts.find(({ what }) => what === `${struct}.${path}`);
    if (typeof fact?.value === 'number') yield { what: fact.what, found: fact.value, told: profile.field(struct, path)?.offset, yes: fact.checkedOn };
  }
  if (map !== undefined) {
    const [size, [first]] = map;
    const yesses = yes('_HMAP_ENTRY');
    yield { what: '_HMAP_ENTRY (bytes)', found: size, told: profile.sizeOf('_HMAP_ENTRY'), yes: yesses };
    if (first !== undefined) yield { what: `_HMAP_ENTRY.${first[0]}`, found: first[1], told: profile.field('_HMAP_ENTRY', first[0])?.offset, yes: yesses };
  }
  if (entry !== undefined) {
    const [size, fields] = entry.fact;
    yield { what: '_HANDLE_TABLE_ENTRY (bytes)', found: size, told: profile.sizeOf('_HANDLE_TABLE_ENTRY'), yes: yes('_HANDLE_TABLE_ENTRY') };
    const packed = fields.some(([path]) => path === 'ObjectPointerBits');
    const told = profile.field('_HANDLE_TABLE_ENTRY', 'ObjectPointerBits');
    const first = Number(/:(\d+),/.exec(fields.find(([path]) => path === 'ObjectPointerBits')?.[2] ?? '')?.[1] ?? -1);
    // With 32 bits the packed form and the plain one lead to the same object; with five levels of page tables the mode tells the bits.
    if (profile.pointerSize === 4 || entry.virtualBits !== undefined) return;
    // Some tables of 10.0 give the bits as if they began at 0.
    const toldFirst = told?.bits === undefined ? -1 : told.bits[0] === 0 && packed && 64 - told.bits[1] === first ? first : told.bits[0];
    yield { what: '_HANDLE_TABLE_ENTRY.ObjectPointerBits (bit)', found: first, told: toldFirst, yes: yes('_HANDLE_TABLE_ENTRY') };
  }
}

function fieldOf(profile: Profile, struct: string, path: string, others: readonly string[] = []): Field | undefined {
  for (const each of [path, ...others]) {
    const field = profile.field(struct, each);
    if (field !== undefined) return field;
  }
  return undefined;
}

function place(offset: number | undefined): string {
  return offset === undefined ? 'nothing' : `0x${offset.toString(16)}`;
}
