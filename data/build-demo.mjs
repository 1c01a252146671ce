// Packs the demo image: node data/build-demo.mjs desktop-19041-64m.raw
//
// The image is synthetic: a clean Windows 10 (10.0.19041.1288) workstation of 64 MiB that never existed, with 64 processes, written by a
// generator (imgen, scenario desktop, seed "demo") from Microsoft's public symbols alone. Nothing in it is anyone's property.
// Writes demo.raw.br (Brotli, quality 11) and demo.json (name, size and SHA-256 of the image), which mount/demo-image.ts unpacks and verifies.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';

const path = process.argv[2];
if (path === undefined) {
  console.error('Say which image to pack: node data/build-demo.mjs IMAGE.raw');
  process.exit(2);
}
const image = readFileSync(path);
const packed = brotliCompressSync(image, {
  params: {
    [constants.BROTLI_PARAM_QUALITY]: 11,
    [constants.BROTLI_PARAM_LGWIN]: 24,
    [constants.BROTLI_PARAM_SIZE_HINT]: image.length,
  },
});
const facts = { name: basename(path), size: image.length, sha256: createHash('sha256').update(image).digest('hex') };
writeFileSync(new URL('demo.raw.br', import.meta.url), packed);
writeFileSync(new URL('demo.json', import.meta.url), `${JSON.stringify(facts, undefined, 2)}\n`);
console.log(`${facts.name}: ${image.length} bytes packed to ${packed.length}`);
