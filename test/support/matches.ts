/** Bytes that stand for themselves, then a match with what was before; `length` 0: there is none, the data ends. */
export interface Sequence {
  readonly literals: Uint8Array;
  readonly distance: number;
  readonly length: number;
}

/** Finds repetitions, greedily, by the last place of the same few bytes: what packers of the LZ77 family are made of. */
export function* matchesOf(data: Uint8Array, shortest: number, farthest: number): Generator<Sequence> {
  const last = new Map<string, number>();
  let from = 0;
  for (let at = 0; at < data.length;) {
    const key = String.fromCharCode(...data.subarray(at, at + shortest));
    const known = at + shortest <= data.length ? last.get(key) : undefined;
    last.set(key, at);
    if (known === undefined || at - known > farthest) {
      at += 1;
      continue;
    }
    let length = shortest;
    while (at + length < data.length && data[known + length] === data[at + length]) length += 1;
    yield { literals: data.subarray(from, at), distance: at - known, length };
    at += length;
    from = at;
  }
  if (from < data.length) yield { literals: data.subarray(from), distance: 0, length: 0 };
}
