/** What a scan of a hive's cells finds. */
export interface HiveScan {
  /** Keys whose parents lead to the root, each listed by its parent. */
  readonly keys: number;
  /** What these keys count. */
  readonly values: number;
  /** Keys in use whose parents lead to the root, though one on the way does not list the next. */
  readonly unlisted: number;
}

const BASE = 0x1000;
const MAX_DEPTH = 600;

/**
 * Keys and values of a hive file, counted without memlens' reader: all cells in use from the first bin to the last, and from each
 * key upwards to the root.
 */
export function hiveScan(bytes: Buffer): HiveScan {
  const parents = new Map<number, number>();
  const root = bytes.readUInt32LE(0x24);
  for (const cell of cellsInUse(bytes)) {
    const at = BASE + cell + 4;
    if (bytes.toString('latin1', at, at + 2) === 'nk' && -bytes.readInt32LE(at - 4) >= 0x50) parents.set(cell, bytes.readUInt32LE(at + 0x10));
  }
  const listed = new Set<number>();
  for (const [cell, parent] of parents) if (parents.has(parent) && lists(bytes, parent, cell)) listed.add(cell);
  let keys = 0;
  let values = 0;
  let unlisted = 0;
  for (const cell of parents.keys()) {
    let up: number | undefined = cell;
    let all = true;
    for (let depth = 0; up !== undefined && up !== root && depth < MAX_DEPTH; depth += 1) {
      all &&= listed.has(up);
      up = parents.get(up);
    }
    if (up !== root) continue;
    if (!all) {
      unlisted += 1;
      continue;
    }
    keys += 1;
    // The place of the count is another's in a predefined handle.
    if ((bytes.readUInt16LE(BASE + cell + 6) & 0x40) === 0) values += bytes.readUInt32LE(BASE + cell + 4 + 0x24);
  }
  return { keys, values, unlisted };
}

function* cellsInUse(bytes: Buffer): Generator<number> {
  const end = Math.min(bytes.length, BASE + bytes.readUInt32LE(0x28));
  for (let bin = BASE; bin + 0x20 <= end;) {
    const size = bytes.readUInt32LE(bin + 8);
    if (bytes.toString('latin1', bin, bin + 4) !== 'hbin' || size < 0x1000) return;
    for (let at = bin + 0x20; at + 8 <= Math.min(bin + size, end);) {
      const field = bytes.readInt32LE(at);
      if (field === 0) break;
      if (field < 0) yield at - BASE;
      at += Math.abs(field);
    }
    bin += size;
  }
}

/** A key's list of stable sub-keys, or one of the lists in it, has the cell. */
function lists(bytes: Buffer, key: number, cell: number): boolean {
  return bytes.readUInt32LE(BASE + key + 4 + 0x14) > 0 && has(bytes, bytes.readUInt32LE(BASE + key + 4 + 0x1c), cell);
}

function has(bytes: Buffer, list: number, cell: number): boolean {
  const at = BASE + list + 4;
  const kind = bytes.toString('latin1', at, at + 2);
  const step = kind === 'lf' || kind === 'lh' ? 8 : 4;
  for (let i = 0; i < bytes.readUInt16LE(at + 2); i += 1) {
    const entry = bytes.readUInt32LE(at + 4 + i * step);
    if (kind === 'ri' ? has(bytes, entry, cell) : entry === cell) return true;
  }
  return false;
}
