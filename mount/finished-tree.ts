import { startAnalysis } from './analysis.js';
import type { Progress } from './progress.js';
import { openTree, type OpenedTree } from './tree/root.js';

/** The tree of an image as a mount shows it in the end. */
export interface FinishedTree {
  readonly tree: OpenedTree;
  close(): Promise<void>;
}

export interface FinishedOptions {
  /** Our own folder for the image. A pass that was finished there before is not run again. */
  readonly folder: string;
  /** With /forensic, after the pass has ended. */
  readonly forensic: boolean;
  readonly onProgress?: (progress: Progress) => void;
  readonly log: (line: string) => void;
}

/** Whether a path of the tree leads into /forensic, or holds it. */
export function needsPass(path: string, recursive: boolean): boolean {
  const [first = ''] = path.split('/').filter((name) => name !== '' && name !== '.');
  return first === 'forensic' || (recursive && first === '');
}

/**
 * Opens an image's tree and waits for the pool scan and, when asked for, the forensic pass.
 * @throws ImageError when the file cannot be read as an image
 */
export async function finishedTree(path: string, { folder, forensic, onProgress, log }: FinishedOptions): Promise<FinishedTree> {
  const tree = openTree({ path }, () => analysis.directory);
  const analysis = startAnalysis({
    facts: tree.facts, size: tree.opened.image.memory.size, folder, forensic, scanAfter: 0,
    onScanned: (facts) => tree.join(facts),
    onProgress: onProgress ?? (() => undefined),
    log,
  });
  await analysis.ended;
  return {
    tree,
    async close() {
      await analysis.close();
      tree.close();
    },
  };
}
