import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parentPort } from 'node:worker_threads';
import type { Directory, Node } from '../src/vfs/node.js';
import { DIGEST, digestOf, SPOOL_OVER } from './contents.js';
import type { RenderAnswer, RenderedFile, RenderQuestion, RenderRequest } from './renderer.js';
import { kindOf } from './resolver.js';
import type { ServedTree } from './serve.js';

/** The node at an absolute path, without following links. */
export function nodeAt(root: Directory, path: string): Node | undefined {
  let node: Node | undefined = root;
  for (const name of path.split('/')) {
    if (name === '') continue;
    node = node?.kind === 'directory' ? node.lookup(name) : undefined;
    if (node === undefined) return undefined;
  }
  return node;
}

/** A large file goes to the spool and only its name travels; a small one's bytes travel. */
function answer(root: Directory, request: RenderQuestion): RenderAnswer {
  const { id } = request;
  const node = nodeAt(root, request.path);
  if (request.kind === 'list') {
    if (node?.kind !== 'directory') return { id, absent: true };
    return { id, listed: Array.from(node.entries(), ([name, child]) => [name, kindOf(child)] as const) };
  }
  if (request.kind === 'xattrs') return node?.slowXattrs === undefined ? { id, absent: true } : { id, xattrs: node.slowXattrs.read() };
  if (node?.kind !== 'bytes') return { id, absent: true };
  if (node.pieces !== undefined) return { id, rendered: renderPieces(node.pieces(), request.spool) };
  const bytes = node.render();
  const rendered = { size: bytes.length, digest: digestOf(bytes) };
  // Copied, since what is sent is gone here, and the node may keep its bytes.
  if (bytes.length <= SPOOL_OVER) return { id, rendered: { ...rendered, bytes: new Uint8Array(bytes), file: undefined } };
  mkdirSync(dirname(request.spool), { recursive: true, mode: 0o700 });
  writeFileSync(request.spool, bytes, { mode: 0o600 });
  return { id, rendered: { ...rendered, bytes: undefined, file: request.spool } };
}

/** Bytes that come piece by piece: kept while they are few, else written to the spool as they come. */
function renderPieces(pieces: Iterable<Uint8Array>, spool: string): RenderedFile {
  const hash = createHash(DIGEST);
  const held: Uint8Array[] = [];
  let size = 0;
  let fd: number | undefined;
  try {
    for (const piece of pieces) {
      hash.update(piece);
      size += piece.length;
      held.push(piece);
      if (fd === undefined && size > SPOOL_OVER) {
        mkdirSync(dirname(spool), { recursive: true, mode: 0o700 });
        fd = openSync(spool, 'w', 0o600);
      }
      if (fd === undefined) continue;
      for (const one of held.splice(0)) writeFileSync(fd, one);
    }
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
  const digest = hash.digest('base64');
  if (fd !== undefined) return { size, digest, bytes: undefined, file: spool };
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const one of held) {
    bytes.set(one, at);
    at += one.length;
  }
  return { size, digest, bytes, file: undefined };
}

/** Serves render requests of the main thread from this worker's tree. */
export function serveRenders(tree: ServedTree): void {
  const port = parentPort ?? undefined;
  if (port === undefined) throw new Error('the render service runs in a worker');
  port.on('message', (request: RenderRequest) => {
    if (request.kind === 'join') {
      tree.join(request.facts);
      return;
    }
    let reply: RenderAnswer;
    try {
      reply = answer(tree.root, request);
    } catch (error) {
      reply = { id: request.id, failure: error instanceof Error ? error.message : String(error) };
    }
    const moved = 'rendered' in reply && reply.rendered.bytes !== undefined ? [reply.rendered.bytes.buffer as ArrayBuffer] : [];
    port.postMessage(reply, moved);
  });
}
