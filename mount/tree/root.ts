import { diagnosisText } from '../../src/windows/diagnosis.js';
import { openImage } from '../../src/image/image.js';
import { directory } from '../../src/vfs/directory.js';
import type { Directory } from '../../src/vfs/node.js';
import { text } from '../../src/vfs/text.js';
import { memoryWindow } from '../../src/vfs/window.js';
import type { KernelFacts } from '../../src/windows/kernel.js';
import { openWindows, type OpenedWindows } from '../../src/windows/open.js';
import type { ScanFacts } from '../../src/windows/pool.js';
import { captureTime } from '../../src/windows/system.js';
import { nameDirectory, pidDirectory } from './processes.js';
import { registryDirectory } from './registry.js';
import { sysDirectory } from './sys.js';

/** What a thread opens the tree from. Plain facts: they cross threads, objects do not. */
export interface TreeFacts {
  /** The image file. */
  readonly path: string;
  /** What another thread has recognised in it already. */
  readonly kernel?: KernelFacts | undefined;
}

/** The whole tree over one image, in one thread. */
export interface OpenedTree {
  readonly root: Directory;
  readonly opened: OpenedWindows;
  /** The mtime of what has none of its own; FILETIME. */
  readonly captureTime: bigint | undefined;
  /** What other threads open the same tree from. */
  readonly facts: TreeFacts;
  /** Adds what the pool scan found. */
  join(facts: ScanFacts): void;
  close(): void;
}

/**
 * Opens an image and its tree.
 * @param forensic makes /forensic where a pass runs; undefined: there is none
 * @throws ImageError when the file cannot be read as an image
 */
export function openTree(facts: TreeFacts, forensic?: () => Directory | undefined): OpenedTree {
  const image = openImage(facts.path);
  const opened = openWindows(image, facts.kernel);
  const { windows } = opened;
  return {
    opened,
    root: rootDirectory(opened, forensic),
    captureTime: windows === undefined ? undefined : captureTime(windows.kernel),
    facts: { path: facts.path, kernel: opened.facts },
    join: (scan) => windows?.join(scan),
    close: () => image.memory.close(),
  };
}

function rootDirectory({ image, diagnosis, windows }: OpenedWindows, forensic: (() => Directory | undefined) | undefined): Directory {
  return directory({
    'diagnose.json': text(() => `${JSON.stringify(diagnosis, undefined, 2)}\n`, { doc: 'the same for programs' }),
    'diagnose.txt': text(() => diagnosisText(diagnosis), { doc: 'what was recognised and how, what is degraded, and what would help' }),
    forensic,
    'memory.pmem': memoryWindow(image.memory, 0, image.memory.size, { doc: 'physical memory by address; what was not acquired reads as zeros' }),
    name: windows && (() => nameDirectory(windows)),
    pid: windows && (() => pidDirectory(windows)),
    registry: windows && (() => registryDirectory(windows)),
    sys: windows && (() => sysDirectory(windows)),
  });
}
