import type { Anomalies } from '../bytes/anomaly.js';
import { FormatError } from '../bytes/errors.js';
import { NO_CELL, type Cells } from './cells.js';

const signatureOf = (text: string): number => text.charCodeAt(0) | text.charCodeAt(1) << 8;
const LF = signatureOf('lf');
const LH = signatureOf('lh');
const LI = signatureOf('li');
const RI = signatureOf('ri');

/**
 * The cell indices that a sub-key list names, in its order. Corresponds to `_CM_KEY_INDEX` and `_CM_KEY_FAST_INDEX`:
 * `lf` and `lh` (index and hint), `li` (index), and `ri`, which names other lists. Each list is read once and no deeper
 * than `ri` over leaves, so the answer is never longer than the hive.
 * @throws FormatError when the list is none
 */
export function subkeyCells(cells: Cells, list: number, where: string, anomalies: Anomalies): number[] {
  const found: number[] = [];
  if (list === NO_CELL) return found;
  const leaves = readList(cells, list, found, where, anomalies);
  const seen = new Set<number>();
  for (const leaf of leaves) {
    if (seen.has(leaf)) {
      anomalies.add(where, 'a sub-key list names a list twice', leaf);
      continue;
    }
    seen.add(leaf);
    anomalies.attempt(where, () => {
      if (readList(cells, leaf, found, where, anomalies).length > 0) throw new FormatError('a sub-key list is nested too deep', leaf);
    });
  }
  return found;
}

/** Adds a leaf's indices to `found`; answers the lists that an `ri` names. */
function readList(cells: Cells, list: number, found: number[], where: string, anomalies: Anomalies): number[] {
  const bytes = cells.read(list);
  if (bytes === undefined) {
    anomalies.add(where, 'a sub-key list is not in the image', list);
    return [];
  }
  const signature = bytes.readUInt16LE(0);
  const step = signature === LF || signature === LH ? 8 : signature === LI || signature === RI ? 4 : 0;
  if (step === 0) throw new FormatError('a sub-key list has an unknown signature', list);
  const named = bytes.length < 4 ? 0 : bytes.readUInt16LE(2);
  const count = Math.min(named, Math.floor((bytes.length - 4) / step));
  if (count < named) anomalies.add(where, `a sub-key list names ${named} keys and has room for ${count}`, list);
  const target = signature === RI ? [] : found;
  for (let i = 0; i < count; i += 1) target.push(bytes.readUInt32LE(4 + i * step));
  return signature === RI ? target : [];
}
