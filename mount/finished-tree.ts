import { startAnalysis } from './analysis.js';
import { openTree, type OpenedTree } from './tree/root.js';

/** The tree of an image as a mount shows it in the end. */
export interface FinishedTree {
  readonly tree: OpenedTree;
  close(): Promise<void>;
}

/**
 * Opens an image's tree after pool scan and forensic pass have run.
 * @param folder our own, for the pass
 * @throws Error when the pass does not end well
 */
export async function finishedTree(path: string, folder: string): Promise<FinishedTree> {
  const tree = openTree({ path }, () => analysis.directory);
  const complaints: string[] = [];
  const analysis = startAnalysis({
    facts: tree.facts, size: tree.opened.image.memory.size, folder, forensic: true, scanAfter: 0,
    onScanned: (facts) => tree.join(facts),
    onProgress: () => undefined,
    log: (line) => complaints.push(line),
  });
  await analysis.ended;
  if (complaints.length > 0) throw new Error(complaints.join('\n'));
  return {
    tree,
    async close() {
      tree.close();
      await analysis.close();
    },
  };
}
