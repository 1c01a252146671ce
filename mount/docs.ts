// Writes docs/the-tree.md from the tree of the demo image: `npm run docs`.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { demoImage } from './demo-image.js';
import { finishedTree } from './finished-tree.js';
import { treePage, undocumented } from './tree-page.js';

const work = mkdtempSync(join(tmpdir(), 'memlens-docs-'));
const { tree, close } = await finishedTree(await demoImage(), { folder: work, forensic: true, log: (line) => console.error(line) });
writeFileSync(new URL('../../docs/the-tree.md', import.meta.url), treePage(tree.root));
for (const silent of undocumented(tree.root)) {
  console.error(`${silent} says nothing of itself: give it a \`doc\``);
  process.exitCode = 1;
}
await close();
rmSync(work, { recursive: true, force: true });
