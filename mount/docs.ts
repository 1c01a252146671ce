// Writes docs/the-tree.md from the tree of the demo image: `npm run docs`.
import { writeFileSync } from 'node:fs';
import { demoImage } from './demo-image.js';
import { openTree } from './tree/root.js';
import { treePage, undocumented } from './tree-page.js';

const tree = openTree({ path: await demoImage() });
writeFileSync(new URL('../../docs/the-tree.md', import.meta.url), treePage(tree.root));
for (const path of undocumented(tree.root)) {
  console.error(`${path} says nothing of itself: give it a \`doc\``);
  process.exitCode = 1;
}
tree.close();
