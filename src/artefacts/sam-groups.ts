import { sidLength, sidText, wellKnownName } from '../bytes/sid.js';
import type { HiveSet, SetHive } from '../registry/hive-set.js';
import { artefact } from './artefact.js';
import { below, inHives, WHERE, type Found } from './found.js';
import { valuesOf } from './key-values.js';
import { count, plainTable, text } from './plain-table.js';
import { groupFacts } from './sam-account.js';

/** A group of the machine. */
export interface SamGroup extends Found {
  readonly rid: number;
  readonly name: string;
  readonly comment: string;
  readonly kind: 'built-in' | 'local' | 'global';
  /** SIDs. */
  readonly members: readonly string[];
}

const MOST_MEMBERS = 65_536;
const DOMAINS = 'SAM\\Domains';
/** Where groups lie. Members of aliases are SIDs, those of groups RIDs of the machine's own accounts. */
const PLACES = [
  { kind: 'built-in', path: 'Builtin\\Aliases', members: 'alias' }, { kind: 'local', path: 'Account\\Aliases', members: 'alias' },
  { kind: 'global', path: 'Account\\Groups', members: 'group' },
] as const;

/** The SID of the machine's own accounts without their RIDs: the end of the value V of the domain. */
export function machineSid(hive: SetHive): string | undefined {
  const v = hive.registry.key(`${DOMAINS}\\Account`)?.value('V')?.data();
  if (v === undefined || v.length < 12) return undefined;
  const at = v.length - 12;
  return `S-1-5-21-${v.readUInt32LE(at)}-${v.readUInt32LE(at + 4)}-${v.readUInt32LE(at + 8)}`;
}

/** SIDs that lie one behind another. @throws FormatError when one is no SID */
function sids(bytes: Buffer, most: number): string[] {
  const found: string[] = [];
  for (let at = 0; at + 8 <= bytes.length && found.length < most;) {
    const sid = sidText(bytes, at);
    if (sid === undefined) break;
    found.push(sid);
    at += sidLength(bytes, at);
  }
  return found;
}

function rids(bytes: Buffer, most: number, own: string | undefined): string[] {
  const found: string[] = [];
  for (let at = 0; at + 4 <= bytes.length && found.length < most; at += 4) found.push(`${own ?? 'S-1-5-21-?'}-${bytes.readUInt32LE(at)}`);
  return found;
}

/** The groups of a SAM hive. */
export function* groupsIn(hive: SetHive, set: HiveSet): Generator<SamGroup> {
  const own = machineSid(hive);
  for (const place of PLACES) {
    for (const list of inHives([hive], `${DOMAINS}\\${place.path}`)) {
      for (const found of below(list)) {
        if (!/^[0-9A-F]{8}$/i.test(found.key.name)) continue;
        const c = valuesOf(found.key).bytes('C');
        if (c === undefined) continue;
        const where = `${hive.mount}\\${found.key.path}`;
        const facts = set.anomalies.attempt(where, () => groupFacts(c, place.members));
        if (facts === undefined) continue;
        const most = Math.min(facts.count, MOST_MEMBERS);
        const members = set.anomalies.attempt(where, () => (place.members === 'alias' ? sids(facts.members, most) : rids(facts.members, most, own)));
        yield { ...found, rid: parseInt(found.key.name, 16), name: facts.name, comment: facts.comment, kind: place.kind, members: members ?? [] };
      }
    }
  }
}

function shown(sid: string): string {
  return wellKnownName(sid) ?? sid;
}

/** The machine's groups and who is in them. */
export const SAM_GROUPS = artefact<SamGroup>({
  reads: PLACES.map(({ path }) => `SAM\\${DOMAINS}\\${path}`),
  table: plainTable({
    name: 'sam_groups',
    doc: 'The machine\'s groups and who is in them, domain accounts by their SIDs.',
    columns: [
      count('rid', (r) => r.rid, 'relative id'),
      text('name', (r) => r.name, 'name', 32),
      text('kind', (r) => r.kind, 'built-in, local or global', 8),
      count('member_count', (r) => r.members.length, 'how many members'),
      text('members', (r) => r.members.map(shown).join(', '), 'SIDs of the members, well-known ones by name', 46),
      text('comment', (r) => r.comment, 'comment', 32),
      ...WHERE,
    ],
  }),
  * rows(set) {
    for (const hive of set.of('SAM')) yield* groupsIn(hive, set);
  },
});
