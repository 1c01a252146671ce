// Microsoft ships two 32-bit kernels to Windows 7, with page table entries of 4 and of 8 bytes (PAE); the public layouts of XP to 7 are the first
// kind's. What PAE changes follows by rule: entries get 8 bytes, what stands behind an entry moves. The rules are checked against 7601.24000,
// the one build that is there in both kinds.
import { X86 } from './sources.mjs';

/** Structures whose PAE form has members of its own: taken from 7601.24000. */
const TAKEN = ['_MMPTE_PROTOTYPE', '_MMPTE_SUBSECTION'];
/** Entries that only grow: their low 12 bits stay, the topmost field moves. */
const GROWN = { PageFrameNumber: '12,26', PageFileHigh: '32,32', NextEntry: '32,32', GlobalTimeStamp: '32,32' };
/** Types inside the session's space that are the same in both kernels. */
const SAME = /^(\*|unsigned|long|char|short|_LIST_ENTRY|_LARGE_INTEGER|_ULARGE_INTEGER|_UNICODE_STRING|_KEVENT|_EX_PUSH_LOCK|_FAST_MUTEX|_KGUARDED_MUTEX|_MM_SESSION_SPACE_FLAGS|_MM_PAGED_POOL_INFO|_MMSESSION|_KGATE|_GENERAL_LOOKASIDE|_MMSUPPORT)/;

const wide = (type) => type.replace(/^unsigned long(?=[:[]|$)/, 'unsigned long long');
const bitsOf = (type) => /:(\d+),(\d+)$/.exec(type);

function entry([, fields]) {
  return [8, fields.flatMap(([name, offset, type]) => {
    const grown = GROWN[name];
    if (grown !== undefined && bitsOf(type) !== null) return [[name, offset, `unsigned long long:${grown}`]];
    // Fillers and unused bits at the top say nothing of an entry twice as long.
    const bits = bitsOf(type);
    return name === 'filler1' || (bits !== null && Number(bits[1]) + Number(bits[2]) > 12) ? [] : [[name, offset, wide(type)]];
  })];
}

/** What stands behind an embedded entry moves by the four bytes that it grows. */
function moved([size, fields], field) {
  const at = fields.find(([name]) => name === field)?.[1];
  if (at === undefined) return [size, fields];
  return [size + 4, fields.map(([name, offset, type]) => [name, offset > at ? offset + 4 : offset, type])];
}

/** The segment's own table of entries is at its end, on a multiple of eight. */
function segment(struct) {
  const [, fields] = moved(struct, 'SegmentPteTemplate');
  const place = Math.ceil(fields.find(([name]) => name === 'ThePtes')[1] / 8) * 8;
  return [place + 8, fields.map(([name, offset, type]) => [name, name === 'ThePtes' ? place : offset, type])];
}

/** Only what stands before the first member that may hold entries. */
function session([, fields]) {
  const end = Math.min(...fields.filter(([, , type]) => !SAME.test(type)).map(([, offset]) => offset));
  return [end, fields.filter(([, offset]) => offset < end)];
}

/** Whether these are the layouts of a 32-bit kernel without PAE. */
export function isWithoutPae({ machine, structs }) {
  return machine === X86 && structs['_MMPTE']?.[0] === 4;
}

/** The same build's PAE kernel. @param seven layouts of 7601.24000, PAE */
export function withPae(layout, seven) {
  const structs = Object.fromEntries(Object.entries(layout.structs).map(([name, struct]) => {
    if (TAKEN.includes(name)) return [name, seven.structs[name]];
    if (name === '_MMPTE' || name.startsWith('_MMPTE_')) return [name, entry(struct)];
    if (name === '_MMPFN') return [name, moved(struct, 'OriginalPte')];
    if (name === '_SEGMENT') return [name, segment(struct)];
    if (name === '_MM_SESSION_SPACE') return [name, session(struct)];
    return [name, struct];
  }));
  return { ...layout, source: `${layout.source}, PAE by rule`, kind: 'pae', structs };
}
