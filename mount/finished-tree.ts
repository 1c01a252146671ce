import { startAnalysis } from './analysis.js';
import type { Progress } from './progress.js';
import type { OpeningChoices } from './opening.js';
import { openWithSymbols } from './open-with-symbols.js';
import type { OpenedTree } from './tree/root.js';
import { workFolder } from './work-folder.js';

/** The tree of an image as a mount shows it in the end. */
export interface FinishedTree {
  readonly tree: OpenedTree;
  close(): Promise<void>;
}

export interface FinishedOptions {
  /** A pass that was finished in the image's work folder before is not run again. */
  readonly choices: OpeningChoices;
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
export async function finishedTree(path: string, { choices, forensic, onProgress, log }: FinishedOptions): Promise<FinishedTree> {
  const { tree, scan, remember } = await openWithSymbols(path, choices, log, () => analysis.directory, (percent) => onProgress?.({ stage: 'search for a kernel', percent, rate: '' }));
  const analysis = startAnalysis({
    facts: tree.facts, size: tree.opened.image.memory.size, folder: workFolder(path, choices.work, choices.pageFiles), forensic, scanAfter: 0, scan,
    onScanned: (found) => {
      tree.join(found.facts);
      remember(found);
    },
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
