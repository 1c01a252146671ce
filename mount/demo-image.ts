import { createHash } from 'node:crypto';
import { closeSync, createReadStream, ftruncateSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createBrotliDecompress } from 'node:zlib';
import { cacheFolder } from './work-folder.js';

/** What `data/demo.json` says of the image in `data/demo.raw.br`. */
interface DemoFacts {
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
}

const DATA = new URL('../../data/', import.meta.url);
const PAGE = 4096;
const ZEROS = Buffer.alloc(PAGE);

/**
 * The demo image as a file in `folder`: unpacked at first use, with holes where it is zero, and verified.
 * @returns its path
 * @throws Error when what was unpacked is not what was packed
 */
export async function demoImage(folder: string = cacheFolder()): Promise<string> {
  const facts = JSON.parse(readFileSync(new URL('demo.json', DATA), 'utf8')) as DemoFacts;
  const path = join(folder, `demo-${facts.sha256.slice(0, 12)}.raw`);
  if (statSync(path, { throwIfNoEntry: false })?.size === facts.size) return path;
  mkdirSync(folder, { recursive: true });
  const part = `${path}.${process.pid}`;
  try {
    await unpack(part, facts);
    renameSync(part, path);
  } finally {
    rmSync(part, { force: true });
  }
  return path;
}

/** Writes only the pages that hold something. */
async function unpack(target: string, { size, sha256 }: DemoFacts): Promise<void> {
  const hash = createHash('sha256');
  const fd = openSync(target, 'w');
  try {
    let at = 0;
    for await (const chunk of createReadStream(new URL('demo.raw.br', DATA)).pipe(createBrotliDecompress({ chunkSize: 1 << 20 }))) {
      const bytes = chunk as Buffer;
      hash.update(bytes);
      for (let done = 0; done < bytes.length; done += PAGE) {
        const page = bytes.subarray(done, done + PAGE);
        if (!page.equals(ZEROS.subarray(0, page.length))) writeSync(fd, page, 0, page.length, at + done);
      }
      at += bytes.length;
    }
    if (at !== size || hash.digest('hex') !== sha256) {
      throw new Error('data/demo.raw.br is damaged: it does not unpack to the image that data/demo.json describes; check it out again.');
    }
    ftruncateSync(fd, size);
  } finally {
    closeSync(fd);
  }
}
