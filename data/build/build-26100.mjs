// The layouts of 26100 (24H2, Server 2025) come without bit positions, without the members of unnamed unions and without what a pointer points to.
// What is missing is taken from 22631 where size and neighbours agree, and left out where they do not: no guess becomes an offset.
import { spelled, X64 } from './sources.mjs';

const WIDTHS = { 'unsigned char': 1, 'unsigned short': 2, 'unsigned long': 4, 'unsigned long long': 8, char: 1, short: 2, long: 4, 'long long': 8 };
const bitsOf = (type) => /^(.*):(\d+),(\d+)$/.exec(type);

/**
 * Fields of one storage unit (same offset), in their order: those whose bits are sure.
 * A field's first bit is where the one before it ends, so what stands before the first unknown name is sure when 22631 gives the widths
 * and the positions agree; of what stands behind, nothing is.
 */
function withBits(group, older) {
  const result = [];
  let next = 0;
  let sure = true;
  for (const [name, offset, type] of group) {
    const before = older.get(name);
    const bits = before === undefined ? null : bitsOf(before[2]);
    if (before !== undefined && bits === null) {
      result.push([name, offset, type]);
    } else if (bits !== null && WIDTHS[bits[1]] === WIDTHS[type]) {
      const [, , first, count] = bits.map(Number);
      // Alternatives of a union begin at bit 0 again.
      if (first === 0) next = 0;
      sure = first === 0 || (sure && first === next);
      if (sure) result.push([name, offset, `${type}:${first},${count}`]);
      next = first + count;
    } else {
      sure = false;
    }
  }
  return result;
}

function complete(name, [size, fields], older) {
  if (older === undefined) {
    // Nothing to compare with: only fields that share their place with no other are surely no bit fields.
    const shared = (offset) => fields.filter((field) => field[1] === offset).length > 1;
    return [size, fields.filter(([, offset, type]) => WIDTHS[type] === undefined || !shared(offset)).filter(([, , type]) => type !== '_unnamed_tag_')];
  }
  const known = new Map(older[1].map((field) => [field[0], field]));
  const result = [];
  for (let at = 0; at < fields.length;) {
    const [field, offset, type] = fields[at];
    let end = at + 1;
    if (WIDTHS[type] !== undefined) while (end < fields.length && fields[end][1] === offset && fields[end][2] === type) end += 1;
    if (type === '_unnamed_tag_') {
      // The union's members, at the place it has now.
      const members = older[1].filter(([path]) => path.startsWith(`${field}.`));
      const first = Math.min(...members.map((member) => member[1]));
      result.push(...members.map(([path, place, spelling]) => [path, place - first + offset, spelling]));
    } else if (end - at === 1 && WIDTHS[type] !== undefined) {
      const before = known.get(field);
      const bits = before === undefined ? null : bitsOf(before[2]);
      if (bits === null) result.push([field, offset, type]);
      else if (bits[2] === '0') result.push([field, offset, `${type}:${bits[2]},${bits[3]}`]);
    } else if (end - at > 1) {
      result.push(...withBits(fields.slice(at, end), known));
    } else if (type.startsWith('*void') && known.get(field)?.[2].startsWith('*')) {
      result.push([field, offset, known.get(field)[2]]);
    } else {
      result.push([field, offset, type]);
    }
    at = end;
  }
  // 26100 names no union around these; 22631 did. Readers ask by the older path too.
  const have = new Set(result.map(([path]) => path));
  for (const [path, , spelling] of older[1]) {
    const inner = path.slice(path.indexOf('.') + 1);
    const now = result.find(([field]) => field === inner);
    if (path.includes('.') && !have.has(path) && now !== undefined) result.push([path, now[1], now[2] === spelling ? spelling : now[2]]);
  }
  return [size, result];
}

/**
 * @param {{ modules: Record<string, Record<string, [number, [string, number, string][]]>> }} json
 * @param {Record<string, [number, [string, number, string][]]>} older layouts of 22631
 * @param {string[]} wanted names of structures
 */
export function build26100({ modules: { ntoskrnl, ntdll } }, older, wanted) {
  const both = spelled({ ...ntdll, ...ntoskrnl }, true);
  const names = wanted.filter((name) => both[name] !== undefined);
  const structs = Object.fromEntries(names.map((name) => [name, complete(name, both[name], older[name])]));
  return { version: '10.0.26100.1', machine: X64, source: 'ntoskrnlib', structs };
}
