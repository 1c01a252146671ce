import type { Anomalies } from '../bytes/anomaly.js';
import { FormatError } from '../bytes/errors.js';
import { NO_CELL, type Cells } from './cells.js';

const signatureOf = (text: string): number => text.charCodeAt(0) | text.charCodeAt(1) << 8;
const LF = signatureOf('lf');
const LH = signatureOf('lh');
const LI = signatureOf('li');
const RI = signatureOf('ri');
/** Characters of a name that are its hint in an `lf`. */
const HINT = 4;

/** What a list says of a sub-key. */
export interface ListedKey {
  readonly cell: number;
  /** `lf`: the first characters of the name. `lh`: its hash. `li` has none. */
  readonly kind: 'lf' | 'lh' | 'li';
  readonly hint: number;
}

/** What is read. */
export interface ListReading {
  readonly cells: Cells;
  readonly where: string;
  readonly anomalies: Anomalies;
}

interface List {
  readonly bytes: Buffer;
  readonly kind: 'lf' | 'lh' | 'li' | 'ri';
  readonly step: number;
  readonly count: number;
}

/**
 * The sub-keys that a list names, in its order; undefined for each step that names none. Corresponds to `_CM_KEY_INDEX` and
 * `_CM_KEY_FAST_INDEX`: `lf` and `lh` (index and hint), `li` (index), and `ri`, which names other lists. Each list is read once and no
 * deeper than `ri` over leaves.
 */
export function* listedKeys(list: number, reading: ListReading): Generator<ListedKey | undefined> {
  if (list === NO_CELL) return;
  const { where, anomalies } = reading;
  const top = anomalies.attempt(where, () => readList(list, reading));
  if (top === undefined) return;
  if (top.kind !== 'ri') {
    yield* entries(top);
    return;
  }
  const seen = new Set<number>();
  for (let i = 0; i < top.count; i += 1) {
    const cell = top.bytes.readUInt32LE(4 + 4 * i);
    const leaf = seen.has(cell) ? undefined : anomalies.attempt(where, () => readList(cell, reading));
    if (seen.has(cell)) anomalies.add(where, 'a sub-key list names a list twice', cell);
    else if (leaf?.kind === 'ri') anomalies.add(where, 'a sub-key list is nested too deep', cell);
    seen.add(cell);
    if (leaf === undefined || leaf.kind === 'ri' || leaf.count === 0) yield undefined;
    else yield* entries(leaf);
  }
}

function* entries({ bytes, kind, step, count }: List): Generator<ListedKey> {
  for (let i = 0; i < count; i += 1) {
    yield { cell: bytes.readUInt32LE(4 + i * step), kind: kind === 'ri' ? 'li' : kind, hint: step === 8 ? bytes.readUInt32LE(8 + i * step) : 0 };
  }
}

function readList(list: number, { cells, where, anomalies }: ListReading): List | undefined {
  const bytes = cells.read(list);
  if (bytes === undefined) {
    anomalies.add(where, 'a sub-key list is not in the image', list);
    return undefined;
  }
  const signature = bytes.readUInt16LE(0);
  const kind = signature === LH ? 'lh' : signature === LF ? 'lf' : signature === LI ? 'li' : signature === RI ? 'ri' : undefined;
  if (kind === undefined) throw new FormatError('a sub-key list has an unknown signature', list);
  const step = kind === 'lh' || kind === 'lf' ? 8 : 4;
  const named = bytes.readUInt16LE(2);
  const count = Math.min(named, Math.floor((bytes.length - 4) / step));
  if (count < named) anomalies.add(where, `a sub-key list names ${named} keys and has room for ${count}`, list);
  return { bytes, kind, step, count };
}

/**
 * The hint that a list keeps for a name of ASCII characters: the first four of them in an `lf`, in an `lh` the hash of them all in
 * upper case (each times 37 and the next). Undefined for other names, whose upper case is a matter of Windows' own table.
 */
export function nameHint(kind: 'lf' | 'lh', name: string): number | undefined {
  let hint = 0;
  for (let i = 0; i < name.length; i += 1) {
    const code = name.charCodeAt(i);
    if (code >= 0x80) return undefined;
    const upper = code >= 0x61 && code <= 0x7a ? code - 0x20 : code;
    if (kind === 'lh') hint = Math.imul(hint, 37) + upper | 0;
    else if (i < HINT) hint |= upper << 8 * i;
  }
  return hint >>> 0;
}

/** Whether a list's hint fits the name; Windows looks keys up by it, so that it never finds one whose hint does not. */
export function hintFits({ kind, hint }: ListedKey, name: string): boolean {
  if (kind === 'li') return true;
  const expected = nameHint(kind, name);
  if (expected === undefined) return true;
  return expected === (kind === 'lh' ? hint : upperHint(hint));
}

/** The characters of a hint of an `lf`, in upper case. */
function upperHint(hint: number): number {
  let upper = 0;
  for (let i = 0; i < HINT; i += 1) {
    const code = hint >>> 8 * i & 0xff;
    upper |= (code >= 0x61 && code <= 0x7a ? code - 0x20 : code) << 8 * i;
  }
  return upper >>> 0;
}
