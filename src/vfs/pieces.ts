import type { About, BytesFile } from './node.js';

/** A file that is made piece by piece and may be too large to be held whole. The same pieces at every call. */
export function piecedFile(pieces: () => Iterable<Uint8Array>, about: About & { readonly mime?: string } = {}): BytesFile {
  return { ...about, kind: 'bytes', cost: 'slow', render: () => Buffer.concat([...pieces()]), pieces };
}

/** Characters a piece holds before it goes out. */
const PIECE = 1 << 16;

/** Many short texts as few pieces of bytes. */
export function* encoded(texts: Iterable<string>, encoding: 'utf8' | 'utf16le'): Generator<Buffer> {
  let pending = '';
  for (const text of texts) {
    pending += text;
    if (pending.length < PIECE) continue;
    yield Buffer.from(pending, encoding);
    pending = '';
  }
  if (pending !== '') yield Buffer.from(pending, encoding);
}
