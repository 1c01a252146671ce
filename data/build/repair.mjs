// Vergilius lists what Microsoft's symbols say, with losses: members of structures inside unions stand relative to their parent, bit positions
// start anew where the declared type changes (`_HANDLE_TABLE_ENTRY.ObjectPointerBits` 0 instead of 20) or run on over a union's alternatives
// (`_RTL_BALANCED_NODE.Balance` 1 instead of 0), some pointers lose their star, and function pointers are left out. The two other sources agree with each other in all of that, so where one of them has the version,
// its layout is taken; where Vergilius alone has it, its layout is repaired after the nearest layout of the others, its template.
const WIDTHS = { 'unsigned char': 8, 'unsigned short': 16, 'unsigned long': 32, 'unsigned long long': 64, char: 8, short: 16, long: 32, 'long long': 64 };
const bitsOf = (type) => /^(.*):(\d+),(\d+)$/.exec(type);

/** How far fields around a place have moved since the template; undefined where its neighbours do not agree. */
function mover(size, fields, [templateSize, templateFields]) {
  const now = new Map(fields.filter(([name]) => !name.includes('.')).map(([name, offset]) => [name, offset]));
  const anchors = templateFields.filter(([name, , type]) => now.has(name) && bitsOf(type) === null)
    .map(([name, offset]) => ({ offset, move: now.get(name) - offset }))
    .sort((a, b) => a.offset - b.offset);
  anchors.push({ offset: templateSize, move: size - templateSize });
  return (offset) => {
    const below = anchors.filter((anchor) => anchor.offset <= offset).at(-1)?.move ?? 0;
    const above = anchors.find((anchor) => anchor.offset > offset)?.move;
    return below === above ? below : undefined;
  };
}

/** The bits that the template has at this very place: first and end. */
function bitsAt(field, base, offset, move) {
  const bits = field === undefined ? null : bitsOf(field[2]);
  if (bits === null || bits[1].replace('int', 'long') !== base || field[1] + (move(field[1]) ?? Number.NaN) !== offset) return undefined;
  return { first: Number(bits[2]), end: Number(bits[2]) + Number(bits[3]) };
}

/** First bit of a field that Vergilius lists at `listed`; undefined when it is not sure. */
function firstBit(listed, count, width, offset, previous, template) {
  if (previous?.offset !== offset) return template === undefined || listed > 0 ? listed : template.first;
  const before = previous.template;
  if (listed > 0 && listed === previous.listedEnd) {
    // It follows, or it is a union's next alternative: those overlap in the template.
    const overlap = before !== undefined && template !== undefined && template.first < before.end && template.end > before.first;
    return overlap || previous.end === undefined ? template?.first : previous.end;
  }
  // It starts anew: a full unit's next alternative, or where the template's starts too, else a change of the declared type.
  if (previous.end === width) return listed;
  if (template === undefined || previous.end === undefined) return template?.first;
  return template.first > 0 && before?.end === template.first && previous.end + count <= width ? previous.end : template.first;
}

function repairStruct(name, [size, fields], template, pointerSize, note) {
  if (template === undefined) return [size, fields];
  const move = mover(size, fields, template);
  const known = new Map(template[1].map((field) => [field[0], field]));
  const parent = (path) => path.slice(0, path.lastIndexOf('.') + 1);

  // Where the nested ones begin.
  const corrections = new Map();
  let lastPlain = 0;
  for (const [path, offset] of fields) {
    const prefix = parent(path);
    if (prefix === '') {
      lastPlain = offset;
      continue;
    }
    const group = corrections.get(prefix) ?? { values: new Set(), plausible: prefix.split('.').length === 2 };
    corrections.set(prefix, group);
    const before = known.get(path);
    const by = before === undefined ? undefined : move(before[1]);
    if (by !== undefined) group.values.add(before[1] + by - offset);
    else if (before !== undefined) group.values.add(undefined);
    if (offset < lastPlain) group.plausible = false;
  }

  const result = [];
  let previous;
  for (const [path, listed, type] of fields) {
    const prefix = parent(path);
    const before = known.get(path);
    let offset = listed;
    if (prefix !== '') {
      const { values, plausible } = corrections.get(prefix);
      const [value] = values;
      if (values.size === 1 && value !== undefined) offset += value;
      else if (values.size > 0 || !plausible) {
        note(`${name}.${path}: its place is not sure`);
        continue;
      }
    }
    const bits = bitsOf(type);
    if (bits === null) {
      const starred = before !== undefined && before[2].startsWith('*') && before[2].replace(/^\*+/, '') === type;
      result.push([path, offset, starred ? before[2] : type]);
      continue;
    }
    const [, base, listedFirst, count] = bits;
    const there = bitsAt(before, base, offset, move);
    const width = WIDTHS[base] ?? 0;
    const first = firstBit(Number(listedFirst), Number(count), width, offset, previous, there);
    const at = first === undefined || first + Number(count) > width ? undefined : first;
    previous = { offset, listedEnd: Number(listedFirst) + Number(count), end: at === undefined ? undefined : at + Number(count), template: there };
    if (at === undefined) {
      note(`${name}.${path}: its bits are not sure`);
      continue;
    }
    result.push([path, offset, `${base}:${at},${count}`]);
  }

  // Function pointers, where nothing else lies.
  const have = new Map(result.map((field) => [field[0], field]));
  for (const [path, offset, type] of template[1]) {
    if (have.has(path) || !/^\*(fn|void)/.test(type)) continue;
    const by = move(offset);
    if (by === undefined) continue;
    const place = offset + by;
    if (place + pointerSize > size || result.some(([, other]) => other >= place && other < place + pointerSize)) continue;
    result.push([path, place, type]);
  }
  return [size, result];
}

/** @param note is told of each field that is left out */
export function repair(layout, template, note = () => {}) {
  const pointerSize = layout.machine === 0x14c ? 4 : 8;
  const structs = Object.entries(layout.structs).map(([name, struct]) => [name, repairStruct(name, struct, template.structs[name], pointerSize, note)]);
  return { ...layout, structs: Object.fromEntries(structs) };
}

/** The layout nearest to one by version, of the same machine: the same build first. */
export function nearest(layout, others) {
  const parts = (version) => version.split('.').map(Number);
  const [, , build, revision] = parts(layout.version);
  const distance = ({ version }) => {
    const [, , other, itsRevision] = parts(version);
    return Math.abs(other - build) * 100_000 + Math.abs(itsRevision - revision);
  };
  return others.filter(({ machine }) => machine === layout.machine).sort((a, b) => distance(a) - distance(b))[0];
}
