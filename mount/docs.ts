// Writes docs/the-tree.md from the tree of the demo image and docs/profiles.md from the bundled facts: `npm run docs`.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { coveragePage } from '../src/profile/coverage.js';
import { demoImage } from './demo-image.js';
import { finishedTree } from './finished-tree.js';
import { treePage, undocumented } from './tree-page.js';

const work = mkdtempSync(join(tmpdir(), 'memlens-docs-'));
const { tree, close } = await finishedTree(await demoImage(), {
  choices: { work, cache: false, overrides: {}, symbolFolders: [] }, forensic: true, log: (line) => console.error(line),
});
writeFileSync(new URL('../../docs/profiles.md', import.meta.url), coveragePage());
writeFileSync(new URL('../../docs/the-tree.md', import.meta.url), treePage(tree.root));
for (const silent of undocumented(tree.root)) {
  console.error(`${silent} says nothing of itself: give it a \`doc\``);
  process.exitCode = 1;
}
await close();
rmSync(work, { recursive: true, force: true });
