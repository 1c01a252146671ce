import { resolve } from 'node:path';
import { startAnalysis, type Analysis } from './analysis.js';
import { progressDisplay } from './progress.js';
import { openTree, type OpenedTree } from './tree/root.js';
import { workFolder } from './work-folder.js';

/** Whether a path of the tree leads into /forensic, or holds it. */
export function needsPass(path: string, recursive: boolean): boolean {
  const [first = ''] = path.split('/').filter((name) => name !== '' && name !== '.');
  return first === 'forensic' || (recursive && first === '');
}

/**
 * The tree of an image as a mount shows it when everything has ended: with what the pool scan found and, when asked for, with
 * the finished forensic pass. For commands that need no mount.
 *
 * @param work the folder for work folders; undefined: the user's cache. A pass that is finished there is not run again
 */
export async function withWholeTree(
  image: string, options: { readonly forensic: boolean; readonly work: string | undefined }, use: (tree: OpenedTree) => void,
): Promise<void> {
  const path = resolve(image);
  let analysis: Analysis | undefined;
  const tree = openTree({ path }, () => analysis?.directory);
  const display = await progressDisplay();
  try {
    analysis = startAnalysis({
      facts: tree.facts, size: tree.opened.image.memory.size, folder: workFolder(path, options.work), forensic: options.forensic, scanAfter: 0,
      onScanned: (facts) => tree.join(facts),
      // Only a terminal is shown progress: what these commands print is read by programs.
      onProgress: (progress) => {
        if (process.stderr.isTTY) display.update(progress);
      },
      log: (line) => display.line(line),
    });
    await analysis.ended;
    display.stop();
    use(tree);
  } finally {
    display.stop();
    await analysis?.close();
    tree.close();
  }
}
