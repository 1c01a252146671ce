import { resolve } from 'node:path';
import { safeText } from '../../src/vfs/text.js';
import { EXIT, UserError } from '../exit-codes.js';
import { hiveDiagnosis, hiveDiagnosisText } from '../hive-diagnosis.js';
import { hiveFileKind, hiveInputs, isHiveInput } from '../hive-inputs.js';
import { openHiveTree, type HiveTree } from '../hive-tree.js';
import { hiveSetOfFiles, readHives, type LogsChoice } from '../open-hives.js';
import type { OpeningFlags } from '../opening-options.js';
import { writeAll } from './output.js';

/** The hives among the words of a command, and what comes after them. */
export interface HiveWords {
  readonly hives: readonly string[];
  readonly rest: readonly string[];
}

/**
 * The hives that a command is about: the first word, when it is a hive, a log or a folder, and hive files and logs right behind it. Others are
 * paths in the tree. Undefined when the first word is none: then it is an image.
 */
export function hiveWords(words: readonly string[]): HiveWords | undefined {
  const [first] = words;
  if (first === undefined || !isHiveInput(first)) return undefined;
  let count = 1;
  while (count < words.length && hiveFileKind(words[count] as string) !== 'other') count += 1;
  return { hives: words.slice(0, count), rest: words.slice(count) };
}

/** What is to be mounted, when it is hives: all words but the last, the folder. Undefined: one image. */
export function hivesToMount(words: readonly string[]): readonly string[] | undefined {
  const [first = ''] = words;
  if (isHiveInput(first)) return words;
  if (words.length === 1) return undefined;
  // Says what is wrong with the first one, when that is no file.
  if (hiveFileKind(first) === 'other') throw new UserError(`${first} is no registry hive; a memory image is mounted alone, only hives are mounted together.`, EXIT.usage);
  return words;
}

export function logsChoice({ logs }: OpeningFlags): LogsChoice {
  return logs === false ? 'ignore' : 'apply';
}

/** The tree over hives for the commands that need no mount. */
export function hiveTree(hives: readonly string[], flags: OpeningFlags): HiveTree {
  const tree = openHiveTree(readHives(hiveInputs(hives.map((path) => resolve(path))), logsChoice(flags)));
  for (const { path, why } of tree.set.refused) process.stderr.write(`memlens: ${safeText(`${path} is left out: ${why}.`)}\n`);
  return tree;
}

/** `memlens info` of hives. */
export function hiveInfo(hives: readonly string[], flags: OpeningFlags, json: boolean): void {
  const diagnosis = hiveDiagnosis(hiveSetOfFiles(hives.map((path) => resolve(path)), { logs: logsChoice(flags) }));
  writeAll(1, Buffer.from(json ? `${JSON.stringify(diagnosis, undefined, 2)}\n` : hiveDiagnosisText(diagnosis), 'utf8'));
}
