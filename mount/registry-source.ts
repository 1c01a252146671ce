import { basename, resolve } from 'node:path';
import { statSync } from 'node:fs';
import type { HiveSet } from '../src/registry/hive-set.js';
import { hiveSetOf } from '../src/windows/hive-set.js';
import { EXIT, UserError } from './exit-codes.js';
import { isHiveInput } from './hive-inputs.js';
import { hiveSetOfFiles } from './open-hives.js';
import { openingChoices, type OpeningFlags } from './opening-options.js';

/** A smaller file is no image of memory: what is said of it is said of a hive. */
const SMALLEST_IMAGE = 1 << 20;

/**
 * Opens the registry that paths name for `use`: hive files, folders of hives, or one memory image, whose pool scan it waits for.
 * @throws UserError, ImageError a sentence for a path that leads to no registry
 */
export async function withRegistry<T>(paths: readonly string[], flags: OpeningFlags, use: (set: HiveSet) => T | Promise<T>): Promise<T> {
  const [first] = paths;
  if (first === undefined || paths.length > 1 || isOfHives(first)) {
    const image = paths.find((path) => !isOfHives(path));
    if (image !== undefined && !isMissing(image)) throw new UserError(`${image} is no registry hive; a memory image is looked at alone.`, EXIT.image);
    return await use(hiveSetOfFiles(paths, { logs: flags.logs === false ? 'ignore' : 'apply' }));
  }
  const { finishedTree } = await import('./finished-tree.js');
  const { progressDisplay } = await import('./progress.js');
  const display = await progressDisplay();
  try {
    const { tree, close } = await finishedTree(resolve(first), {
      choices: openingChoices(flags), forensic: false, log: display.line, ...(process.stderr.isTTY ? { onProgress: display.update } : {}),
    });
    display.stop();
    try {
      const { windows } = tree.opened;
      if (windows === undefined) throw new UserError(`${basename(first)} is neither a registry hive nor an image in which Windows is recognised.`, EXIT.image);
      return await use(hiveSetOf(windows));
    } finally {
      await close();
    }
  } finally {
    display.stop();
  }
}

function isOfHives(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined || isHiveInput(path) || (stat.isFile() && stat.size < SMALLEST_IMAGE);
}

function isMissing(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) === undefined;
}
