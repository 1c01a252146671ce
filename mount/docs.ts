// Writes docs/the-tree.md from the tree of the demo image: `npm run docs`.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAnalysis } from './analysis.js';
import { demoImage } from './demo-image.js';
import { openTree } from './tree/root.js';
import { treePage, undocumented } from './tree-page.js';

const path = await demoImage();
const work = mkdtempSync(join(tmpdir(), 'memlens-docs-'));
const nothing = (): void => undefined;
const { facts, opened, close } = openTree({ path });
const analysis = startAnalysis({
  facts, size: opened.image.memory.size, folder: work, forensic: true, onScanned: nothing, onProgress: nothing, log: console.error,
});
await analysis.ended;
close();

const tree = openTree(facts, () => analysis.directory);
writeFileSync(new URL('../../docs/the-tree.md', import.meta.url), treePage(tree.root));
for (const silent of undocumented(tree.root)) {
  console.error(`${silent} says nothing of itself: give it a \`doc\``);
  process.exitCode = 1;
}
tree.close();
await analysis.close();
rmSync(work, { recursive: true, force: true });
