import { basename, join, resolve } from 'node:path';
import type { MountDriver } from '../native-bindings/fuse.js';
import { EXIT, UserError } from './exit-codes.js';
import { fuseProblem, prepareMountPoint, userAllowOther } from './mount-point.js';
import { MemorySearch } from './memory-search.js';
import { Renderer } from './renderer.js';
import { serve, type Serving } from './serve.js';
import { startAnalysis, type Analysis } from './analysis.js';
import { progressDisplay } from './progress.js';
import type { OpeningChoices } from './opening.js';
import { openWithSymbols } from './open-with-symbols.js';
import type { ScanResult } from './scan-client.js';
import { spoolFolder } from './spool.js';
import type { OpenedTree, TreeFacts } from './tree/root.js';
import { workFolder } from './work-folder.js';

export type ForensicMode = 'on' | 'off' | 'wait';
export type DriverName = 'fuse-native' | 'device';

export interface MountRequest {
  readonly image: string;
  readonly mountPoint: string;
  readonly forensic: ForensicMode;
  readonly driver: DriverName;
  /** `-o` options, separated. */
  readonly options: readonly string[];
  readonly choices: OpeningChoices;
  readonly debug: boolean;
}

/** The drivers, each loaded only when it is used. */
export const DRIVERS: Readonly<Record<DriverName, () => Promise<MountDriver>>> = {
  'fuse-native': async () => (await import('../native-bindings/fuse-native.js')).mountFuseNative,
  device: async () => (await import('../native-bindings/fuse-device.js')).mountByDevice,
};

/** The pool scan starts this long after the tree was opened: the first looks come before it. */
const SCAN_AFTER_MS = 300;
const TAKEN = /^(ro|allow_other|allow_root|default_permissions|(uid|gid)=\d+|umask=[0-7]+)$/;
/** What every mount is already. */
const GIVEN = /^(nosuid|nodev|noexec)$/;

/** What was asked with `-o`. */
export interface PassedOptions {
  /** For the driver. */
  readonly passed: readonly string[];
  /** Permission bits taken from all files. */
  readonly umask: number;
}

/**
 * Sorts the `-o` options. Where others may look in, or a mask is set, the kernel checks the permission bits.
 * @throws UserError names the option that is not known, or not allowed
 */
export function mountOptions(options: readonly string[]): PassedOptions {
  for (const option of options) {
    if (!TAKEN.test(option) && !GIVEN.test(option)) {
      throw new UserError(`The option -o ${option} is not known here; ro, allow_other, allow_root, default_permissions, uid=N, gid=N and umask=N are.`, EXIT.usage);
    }
  }
  const others = options.find((option) => option === 'allow_other' || option === 'allow_root');
  if (others !== undefined && process.getuid?.() !== 0 && !userAllowOther()) {
    throw new UserError(`The option -o ${others} needs the line user_allow_other in /etc/fuse.conf; the administrator can add it.`, EXIT.mount);
  }
  const mask = options.findLast((option) => option.startsWith('umask='));
  const passed = options.filter((option) => TAKEN.test(option) && !option.startsWith('umask='));
  if ((others !== undefined || mask !== undefined) && !passed.includes('default_permissions')) passed.push('default_permissions');
  return { passed, umask: mask === undefined ? 0 : parseInt(mask.slice('umask='.length), 8) & 0o777 };
}

/**
 * Mounts an image and serves it until the mount is gone.
 * @param onMounted the mount answers; given what prints a line among the progress
 * @throws ImageError, UserError sentences for the user
 */
export async function mountImage(request: MountRequest, log: (line: string) => void, onMounted: (tell: (line: string) => void) => void): Promise<void> {
  const { passed, umask } = mountOptions(request.options);
  const problem = fuseProblem();
  if (problem !== undefined) throw new UserError(problem, EXIT.mount);
  const image = resolve(request.image);
  const mountPoint = resolve(request.mountPoint);
  await prepareMountPoint(mountPoint);
  const work = workFolder(image, request.choices.work, request.choices.pageFiles);
  if (`${work}/`.startsWith(`${mountPoint}/`)) {
    throw new UserError(`The work folder ${work} lies under the mount point; choose another with --work.`, EXIT.folder);
  }
  const beside: { analysis?: Analysis } = {};
  const display = await progressDisplay();
  const opened: { tree?: OpenedTree } = {};
  const search = new MemorySearch<TreeFacts | undefined>(new URL('./memory-search-worker.js', import.meta.url), join(spoolFolder(work), 'search'), () => opened.tree?.facts);
  const { tree, scan, remember } = await openWithSymbols(image, request.choices, log, () => beside.analysis?.directory,
    (percent) => display.update({ stage: 'search for a kernel', percent, rate: '' }), search);
  opened.tree = tree;
  if (tree.opened.windows === undefined) log(`No Windows was recognised in ${request.image}; only its bytes are shown, and diagnose.txt says why.`);
  const renderer = new Renderer(new URL('./render-worker.js', import.meta.url), tree.facts);
  if (scan !== undefined) {
    renderer.join(scan.facts);
    search.join(scan.facts);
  }
  let serving: Serving | undefined;
  const scanned: ScanResult[] = [];
  const analysis = beside.analysis = startAnalysis({
    facts: tree.facts, size: tree.opened.image.memory.size, folder: work, forensic: request.forensic !== 'off', scanAfter: SCAN_AFTER_MS, scan, log: display.line,
    onScanned: (found) => {
      remember(found);
      search.join(found.facts);
      if (serving === undefined) scanned.push(found);
      else serving.join(found.facts);
    },
    onProgress: (progress) => display.update(progress),
  });
  try {
    serving = await serve({
      tree, renderer, work, log: display.line, mountPoint, umask, options: passed,
      driver: await DRIVERS[request.driver](),
      name: basename(image),
      debug: request.debug,
    });
    for (const { facts } of scanned) serving.join(facts);
    if (request.forensic === 'wait') await Promise.race([analysis.ended, serving.ended]);
    onMounted(display.line);
    void analysis.ended.then(() => display.stop());
    await serving.ended;
  } finally {
    display.stop();
    await analysis.close();
    await search.close();
    tree.close();
  }
}
