import { openImage } from '../../src/image/image.js';
import { directory } from '../../src/vfs/directory.js';
import type { Directory, Node } from '../../src/vfs/node.js';
import { text } from '../../src/vfs/text.js';
import { memoryWindow } from '../../src/vfs/window.js';
import { diagnosisJson, diagnosisText, type Diagnosis, type Findings } from '../../src/windows/diagnosis.js';
import { findings } from '../../src/windows/findings.js';
import type { KernelFacts } from '../../src/windows/kernel.js';
import { openWindows, type OpenedWindows } from '../../src/windows/open.js';
import type { Overrides, PageFileOption } from '../../src/windows/options.js';
import type { ScanFacts } from '../../src/windows/pool.js';
import { captureTime } from '../../src/windows/system.js';
import { miscDirectory } from './misc.js';
import { nameDirectory, pidDirectory } from './processes.js';
import { registryDirectory } from './registry.js';
import { memoryRegistry } from './registry-hives.js';
import { symbolsDirectory } from './symbols.js';
import type { SymbolSettings } from '../symbols.js';
import type { SearchService, TreeServices } from './services.js';
import { sysDirectory } from './sys.js';

/** What a thread opens the tree from. Plain facts: they cross threads, objects do not. */
export interface TreeFacts {
  /** The image file. */
  readonly path: string;
  /** What another thread, or an earlier opening, has recognised in it already, and what it wrote down. */
  readonly kernel?: KernelFacts | undefined;
  readonly diagnosis?: Diagnosis | undefined;
  /** What the user fixes of the steps of opening. */
  readonly overrides?: Overrides | undefined;
  /** Page files that belong to the image. */
  readonly pageFiles?: readonly PageFileOption[] | undefined;
  /** Make a minidump of lsass.exe too. */
  readonly lsassMinidump?: boolean | undefined;
  /** Folders with symbol files, in the order they are looked into. */
  readonly symbolFolders?: readonly string[] | undefined;
  /** The folder where finished symbols are kept. */
  readonly symbolCache?: string | undefined;
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
 * @param search false: only what needs no pass over the image is tried
 * @param service searches memory in a worker; undefined: control files of searches are there and answer nothing
 * @throws ImageError when the file cannot be read as an image
 */
export function openTree(facts: TreeFacts, forensic?: () => Directory | undefined, search = true, service?: SearchService): OpenedTree {
  const image = openImage(facts.path);
  const { kernel: known, diagnosis, overrides, pageFiles, symbolFolders, symbolCache } = facts;
  const opened = openWindows(image, { known, diagnosis, overrides, pageFiles, symbolFolders, symbolCache, search });
  const { windows } = opened;
  return {
    opened,
    root: rootDirectory(opened, { search: service, lsassMinidump: facts.lsassMinidump === true }, forensic, { folders: symbolFolders ?? [], cache: symbolCache, server: undefined }),
    captureTime: windows === undefined ? undefined : captureTime(windows.kernel),
    facts: { ...facts, kernel: opened.facts, diagnosis: opened.diagnosis },
    join: (scan) => windows?.join(scan),
    close: () => {
      windows?.kernel.memory.pagedOut?.close?.();
      image.memory.close();
    },
  };
}

function rootDirectory(opened: OpenedWindows, given: TreeServices, forensic: (() => Directory | undefined) | undefined, symbols: SymbolSettings): Directory {
  const { image, diagnosis, windows } = opened;
  let known: Findings | undefined;
  // What the pool scan adds is nothing to them: they are the same before and after.
  const found = (): Findings => known ??= findings(diagnosis, image.memory, windows?.kernel);
  const services: TreeServices = { ...given, tree: windows && { windows, at: (path) => nodeAt(root, path) } };
  const root = directory({
    'diagnose.json': { ...text(() => diagnosisJson(diagnosis, found()), { doc: 'the same for programs' }), cost: 'slow' },
    'diagnose.txt': { ...text(() => diagnosisText(diagnosis, found()), { doc: 'what was recognised and how, what is degraded, and what would help' }), cost: 'slow' },
    forensic,
    'memory.pmem': memoryWindow(image.memory, 0, image.memory.size, { doc: 'physical memory by address; what was not acquired reads as zeros' }),
    misc: windows && (() => miscDirectory(windows, image.memory.size, services)),
    name: windows && (() => nameDirectory(windows, services)),
    pid: windows && (() => pidDirectory(windows, services)),
    registry: windows && (() => registryDirectory(memoryRegistry(windows))),
    symbols: () => symbolsDirectory(opened, symbols),
    sys: windows && (() => sysDirectory(windows)),
  });
  return root;
}

function nodeAt(root: Directory, path: string): Node | undefined {
  let node: Node | undefined = root;
  for (const name of path.split('/')) node = node?.kind === 'directory' ? node.lookup(name) : undefined;
  return node;
}
