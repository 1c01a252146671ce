import { spawnSync } from 'node:child_process';
import type { FileSystem, Mounted, MountDriver } from '../native-bindings/fuse.js';
import type { Directory } from '../src/vfs/node.js';
import type { ScanFacts } from '../src/windows/pool.js';
import { Contents } from './contents.js';
import { EXIT, UserError } from './exit-codes.js';
import { mountAt, programPath, unmount } from './mount-point.js';
import { operations } from './operations.js';
import type { Renderer } from './renderer.js';
import { Resolver } from './resolver.js';
import { SlowXattrs } from './slow-xattrs.js';
import { Spool, sweepSpools } from './spool.js';

/** How often we look whether the mount has been taken away from outside. */
const WATCH_MS = 500;
/** The render worker is started this long after the mount, when nobody needed it before. */
const WARM_MS = 1500;

/** The parts of an opened tree that serving needs. */
export interface ServedTree {
  readonly root: Directory;
  /** The mtime of what has none of its own; FILETIME. */
  readonly captureTime: bigint | undefined;
  join(facts: ScanFacts): void;
}

export interface FileSystemParts {
  readonly tree: ServedTree;
  /** Undefined: slow files are rendered here. */
  readonly renderer: Renderer | undefined;
  readonly work: string;
  /** Permission bits taken from all files; none when not said. */
  readonly umask?: number;
  readonly log: (line: string) => void;
}

/** A tree as a file system, and what the pool scan's end means to it. */
export interface TreeFileSystem {
  readonly fileSystem: FileSystem;
  /** Tells the tree, here and in the worker, what the pool scan found. */
  join(facts: ScanFacts): void;
  close(): Promise<void>;
}

export function treeFileSystem({ tree, renderer, work, umask = 0, log }: FileSystemParts): TreeFileSystem {
  const spool = new Spool(work);
  const contents = new Contents(spool, renderer);
  const slowXattrs = new SlowXattrs(renderer);
  const resolver = new Resolver(tree.root, tree.captureTime);
  const memory = tree.root.lookup('memory.pmem');
  const size = memory?.kind === 'window' ? memory.size : 0;
  return {
    fileSystem: operations({ resolver, contents, slowXattrs, renderer, size, umask, log }),
    join(facts) {
      tree.join(facts);
      renderer?.join(facts);
      resolver.changed();
      contents.changed();
      slowXattrs.changed();
    },
    async close() {
      await renderer?.close();
      spool.close();
    },
  };
}

export interface ServeOptions extends FileSystemParts {
  readonly driver: MountDriver;
  /** Absolute, checked with `prepareMountPoint`. */
  readonly mountPoint: string;
  readonly name: string;
  readonly options: readonly string[];
  readonly debug: boolean;
}

export interface Serving {
  join(facts: ScanFacts): void;
  /** Takes the mount away. */
  unmount(): Promise<void>;
  /** Resolves when the mount is gone, by us or from outside. */
  readonly ended: Promise<void>;
}

/** Mounts a tree and serves it until the mount is gone. SIGINT, SIGTERM and SIGHUP unmount; a second one ends the process at once. */
export async function serve(options: ServeOptions): Promise<Serving> {
  const { mountPoint, renderer, log } = options;
  sweepSpools(options.work);
  const served = treeFileSystem(options);
  const signals = new Signals();
  let mounted: Mounted;
  try {
    mounted = await options.driver(served.fileSystem, {
      mountPoint, name: options.name, options: options.options, debug: options.debug,
      autoUnmount: programPath('fusermount') !== undefined,
    });
  } catch (error) {
    await served.close();
    const why = error instanceof Error ? error.message : String(error);
    throw new UserError(`The mount on ${mountPoint} failed (${why}); run \`memlens doctor\` to see what is missing.`, EXIT.mount);
  }
  const warm = setTimeout(() => renderer?.warm(), WARM_MS);
  warm.unref();

  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => { end = resolve; });
  let over = false;
  const finish = async (): Promise<void> => {
    if (over) return;
    over = true;
    clearInterval(watch);
    clearTimeout(warm);
    mounted.close();
    await served.close();
    end();
  };
  const watch = setInterval(() => {
    mountAt(mountPoint).then((at) => (at === undefined ? finish() : undefined)).catch((error: unknown) => log(String(error)));
  }, WATCH_MS);
  const takeAway = async (): Promise<void> => {
    const complaint = over ? undefined : await unmount(mountPoint);
    if (complaint !== undefined) log(`${mountPoint} stays mounted: ${complaint}`);
    await finish();
  };
  signals.handle(() => void takeAway());
  unmountOnBug(mountPoint, log);
  return { join: served.join, unmount: takeAway, ended };
}

/** Signals that end the mount. One that comes while the mount is being made counts as soon as it is there. */
class Signals {
  #came = false;
  #handler: (() => void) | undefined;

  constructor() {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(name, () => {
        if (this.#came) process.exit(EXIT.unforeseen);
        this.#came = true;
        this.#handler?.();
      });
    }
  }

  handle(handler: () => void): void {
    this.#handler = handler;
    if (this.#came) handler();
  }
}

/** A bug must not leave a dead mount: the helper of auto_unmount does this too, where there is one. */
function unmountOnBug(mountPoint: string, log: (line: string) => void): void {
  process.once('uncaughtException', (error) => {
    log(error.stack ?? error.message);
    const fusermount = programPath('fusermount');
    if (fusermount === undefined) spawnSync(programPath('umount') ?? 'umount', ['-l', mountPoint]);
    else spawnSync(fusermount, ['-u', '-z', mountPoint]);
    process.exit(EXIT.unforeseen);
  });
}
