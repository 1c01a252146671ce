#!/usr/bin/env node
import { resolve } from 'node:path';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { ImageError } from '../src/bytes/errors.js';
import { safeLine } from '../src/vfs/text.js';
import type { DriverName, ForensicMode } from './daemon.js';
import { EXIT, UserError } from './exit-codes.js';
import type { SearchFlags } from './commands/search.js';
import type { OpeningFlags } from './opening-options.js';
import type { DaemonMessage } from './start-daemon.js';
import type { WalkedTree } from './tree-path.js';
import { programVersion } from './version.js';

interface MountFlags extends OpeningFlags {
  readonly forensic: ForensicMode;
  readonly driver: DriverName;
  readonly o: readonly string[];
  readonly daemon?: true;
  readonly debug?: true;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/**
 * Opens the whole tree for a command that needs no mount; with the pass where a path asks for it.
 * @param words the image, or hives, and then paths in the tree
 */
async function withPaths(words: readonly string[], recursive: boolean, flags: OpeningFlags, use: (tree: WalkedTree, paths: readonly string[]) => void): Promise<void> {
  const { hiveTree, hiveWords } = await import('./commands/hives.js');
  const ofHives = hiveWords(words);
  if (ofHives !== undefined) {
    const hives = hiveTree(ofHives.hives, flags);
    use(hives, ofHives.rest);
    hives.close();
    return;
  }
  const [image = '', ...paths] = words;
  const { finishedTree, needsPass } = await import('./finished-tree.js');
  const { openingChoices } = await import('./opening-options.js');
  const { progressDisplay } = await import('./progress.js');
  const display = await progressDisplay();
  const file = resolve(image);
  try {
    const { tree, close } = await finishedTree(file, {
      choices: openingChoices(flags), forensic: (paths.length === 0 ? ['/'] : paths).some((path) => needsPass(path, recursive)), log: display.line,
      // Only a terminal is shown progress: what these commands print is read by programs.
      ...(process.stderr.isTTY ? { onProgress: display.update } : {}),
    });
    display.stop();
    try {
      use(tree, paths);
    } finally {
      await close();
    }
  } finally {
    display.stop();
  }
}

/** Tells the parent of a daemon; nothing when there is none. */
function tellParent(message: DaemonMessage): void {
  process.send?.(message, () => {
    if (process.connected) process.disconnect();
  });
}

async function mount(first: string, more: readonly string[], flags: MountFlags): Promise<void> {
  const { openingChoices } = await import('./opening-options.js');
  const { hivesToMount, logsChoice } = await import('./commands/hives.js');
  const folder = more.at(-1) as string;
  const image = first;
  const hives = hivesToMount([first, ...more.slice(0, -1)]);
  if (flags.daemon === true) {
    const { startDaemon } = await import('./start-daemon.js');
    const pid = await startDaemon(image, flags.work, openingChoices(flags).pageFiles);
    process.stdout.write(`${pid}\n`);
    return;
  }
  const debug = flags.debug === true;
  const mounted = (tell: (line: string) => void): void => {
    if (process.send === undefined) tell(`${hives === undefined ? image : hives.join(', ')} is mounted on ${folder}; Ctrl-C or \`memlens umount ${folder}\` takes it away.`);
    tellParent({ mounted: process.pid });
  };
  if (hives !== undefined) {
    const { mountHives } = await import('./hive-daemon.js');
    return mountHives({ paths: hives, mountPoint: folder, driver: flags.driver, options: flags.o, logs: logsChoice(flags), work: flags.work, debug }, say, () => mounted(say));
  }
  const { mountImage } = await import('./daemon.js');
  await mountImage(
    { image, mountPoint: folder, forensic: flags.forensic, driver: flags.driver, options: flags.o, choices: openingChoices(flags), debug },
    say, mounted,
  );
}

async function umount(folder: string): Promise<void> {
  const { mountAt, unmount } = await import('./mount-point.js');
  const path = resolve(folder);
  const at = await mountAt(path);
  if (at === undefined || !at.type.startsWith('fuse')) throw new UserError(`Nothing of memlens is mounted on ${folder}.`, EXIT.folder);
  const complaint = await unmount(path);
  if (complaint !== undefined) throw new UserError(`${folder} stays mounted: ${complaint}.`, EXIT.mount);
}

/** `find` takes its tests as find(1) does, with one dash. */
async function findCommand(first: string, rest: readonly string[], flags: OpeningFlags): Promise<void> {
  const { find, globPattern } = await import('./commands/list.js');
  const words = [first];
  let name: RegExp | undefined;
  let type: 'f' | 'd' | 'l' | undefined;
  for (let i = 0; i < rest.length; i += 1) {
    const word = rest[i] as string;
    if (!word.startsWith('-')) {
      words.push(word);
      continue;
    }
    i += 1;
    const value = rest[i];
    if (word === '-name' && value !== undefined) name = globPattern(value);
    else if (word === '-type' && (value === 'f' || value === 'd' || value === 'l')) type = value;
    else throw new UserError('find takes -name PATTERN and -type f, d or l.', EXIT.usage);
  }
  await withPaths(words, true, flags, (tree, paths) => find(tree, paths.length === 0 ? ['/'] : paths, { name, type }));
}

async function exportCommand(image: string, path: string, more: readonly string[], flags: OpeningFlags): Promise<void> {
  const folder = more.at(-1) as string;
  const { exportTree } = await import('./commands/export.js');
  const { progressDisplay } = await import('./progress.js');
  const display = await progressDisplay();
  await withPaths([image, path, ...more.slice(0, -1)], true, flags, (tree, [what, ...others]) => {
    if (what === undefined || others.length > 0) throw new UserError('export takes an image or hives, one path in the tree, and a folder.', EXIT.usage);
    const done = exportTree(tree, what, folder, (files) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${files} files`);
    });
    if (process.stderr.isTTY) process.stderr.write('\r');
    for (const left of done.left) display.line(`left out: ${left}`);
    display.line(`${done.files} files, ${done.bytes} bytes written to ${folder}`);
  });
}

async function infoCommand([image, ...more]: readonly string[], flags: OpeningFlags & { readonly json?: true; readonly profiles?: true }): Promise<void> {
  const { info, printProfiles } = await import('./commands/info.js');
  if (flags.profiles === true) return printProfiles();
  if (image === undefined) throw new UserError('info takes an image, hives, or --profiles.', EXIT.usage);
  const { hiveInfo, hivesToMount } = await import('./commands/hives.js');
  const hives = hivesToMount([image, ...more]);
  if (hives !== undefined) return hiveInfo(hives, flags, flags.json === true);
  const { openWithSymbols } = await import('./open-with-symbols.js');
  const { openingChoices } = await import('./opening-options.js');
  const { progressDisplay } = await import('./progress.js');
  const display = await progressDisplay();
  const { tree } = await openWithSymbols(resolve(image), openingChoices(flags), display.line, undefined, process.stderr.isTTY
    ? (percent) => display.update({ stage: 'search for a kernel', percent, rate: '' }) : undefined);
  display.stop();
  info(tree, flags.json === true);
  tree.close();
}

async function searchCommand(image: string, pattern: string | undefined, flags: OpeningFlags & SearchFlags): Promise<void> {
  const { search } = await import('./commands/search.js');
  const { openWithSymbols } = await import('./open-with-symbols.js');
  const { openingChoices } = await import('./opening-options.js');
  const { progressDisplay } = await import('./progress.js');
  const display = await progressDisplay();
  const show = (stage: string) => (percent: number): void => (process.stderr.isTTY ? display.update({ stage, percent, rate: '' }) : undefined);
  const { tree } = await openWithSymbols(resolve(image), openingChoices(flags), display.line, undefined, show('search for a kernel'));
  try {
    const remark = await search(tree, pattern, flags, show('search'));
    display.stop();
    if (remark !== undefined) say(safeLine(remark));
  } finally {
    display.stop();
    tree.close();
  }
}

function processId(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It is a number.');
  return Number(text);
}

const collect = (value: string, before: readonly string[]): string[] => [...before, ...value.split(',')];

async function commandLine(): Promise<Command> {
  const { withOpening } = await import('./opening-options.js');
  const program = new Command('memlens')
    .description('Shows a Windows memory image, or registry hives, as a filesystem')
    .version(programVersion())
    .option('--debug', 'show where an error came from, and what FUSE asks')
    .enablePositionalOptions()
    .exitOverride();
  withOpening(program.command('mount')).description('mount an image, or registry hives together, on an empty folder').argument('<image>').argument('<folder...>')
    .usage('[options] <image | hives...> <folder>')
    .addOption(new Option('--forensic <mode>', 'run the forensic pass: beside the mount, not at all, or before it').choices(['on', 'off', 'wait']).default('on'))
    .addOption(new Option('--driver <name>', 'how to speak to FUSE').choices(['fuse-native', 'device']).default('fuse-native'))
    .option('-o <options>', 'FUSE options: allow_other, allow_root, default_permissions, uid=N, gid=N, umask=N', collect, [])
    .option('--daemon', 'return when mounted and print the PID that serves')
    .option('--debug', 'show what FUSE asks')
    .action(mount);
  program.command('umount').description('take a mount away').argument('<folder>').action(umount);
  withOpening(program.command('ls')).description('list a folder of the tree, without mounting').argument('<image>').argument('[paths...]')
    .usage('[options] <image | hives...> [paths...]').option('-l', 'with type, size and time')
    .action(async (image: string, words: string[], flags: OpeningFlags & { l?: true }) => {
      const { ls } = await import('./commands/list.js');
      await withPaths([image, ...words], true, flags, (tree, paths) => ls(tree, paths.length === 0 ? ['/'] : paths, flags.l === true));
    });
  withOpening(program.command('cat')).description('print files of the tree').argument('<image>').argument('<paths...>')
    .usage('[options] <image | hives...> <paths...>')
    .action(async (image: string, words: string[], flags: OpeningFlags) => {
      const { cat } = await import('./commands/list.js');
      await withPaths([image, ...words], false, flags, (tree, paths) => cat(tree, paths));
    });
  withOpening(program.command('find')).description('print all paths below; -name PATTERN, -type f|d|l').argument('<image>').argument('[rest...]')
    .usage('[options] <image | hives...> [paths...] [-name PATTERN] [-type f|d|l]').allowUnknownOption().passThroughOptions().action(findCommand);
  withOpening(program.command('export')).description('write a part of the tree to a folder').argument('<image>').argument('<path>').argument('<folder...>')
    .usage('[options] <image | hives...> <path> <folder>').action(exportCommand);
  (await import('./commands/registry-options.js')).addRegistryCommands(program);
  withOpening(program.command('search')).description('search memory for a text, /a regular expression/, bytes or YARA rules').argument('<image>').argument('[pattern]')
    .option('--pid <number>', 'the virtual memory of this process; without it, all physical memory', processId).option('--hex', 'the pattern is bytes in hex')
    .option('--yara <file>', 'rules in place of a pattern').option('--csv', 'as CSV').option('--json', 'as JSON, an object a line')
    .action(searchCommand);
  withOpening(program.command('info')).description('say what was recognised').argument('[image...]').usage('[options] <image | hives...>').option('--json', 'as JSON')
    .option('--profiles', 'say which kernels are known instead').action(infoCommand);
  program.command('doctor').description('check what memlens needs').option('--work <folder>', 'the folder for work folders')
    .action(async (flags: { work?: string }) => {
      const { doctor } = await import('./commands/doctor.js');
      const { workFolder } = await import('./work-folder.js');
      if (!await doctor(workFolder('.', flags.work))) process.exitCode = EXIT.mount;
    });
  return program;
}

/** What a host folder may refuse. */
const FOLDER_FAILURES: Readonly<Record<string, string>> = {
  EACCES: 'you may not', EPERM: 'you may not', EROFS: 'it is on a read-only file system', EEXIST: 'it exists and is no folder', ENOTDIR: 'a part of its path is no folder',
  ENAMETOOLONG: 'its path is too long',
};

/** One sentence for the user, and the exit code; the stack only when asked for. */
function failure(error: unknown): { sentence: string; exitCode: number } {
  if (error instanceof UserError || error instanceof ImageError) return { sentence: error.message, exitCode: error.exitCode };
  const { code, path } = error as NodeJS.ErrnoException;
  const message = error instanceof Error ? error.message : String(error);
  const what = code === undefined || path === undefined ? undefined : FOLDER_FAILURES[code];
  if (code === 'ENOSPC') return { sentence: 'The disk is full; make room, or give another folder.', exitCode: EXIT.folder };
  if (what !== undefined) return { sentence: `${path} cannot be written: ${what}; give another folder.`, exitCode: EXIT.folder };
  return { sentence: `Something unforeseen happened: ${message}; run again with --debug and report it.`, exitCode: EXIT.unforeseen };
}

async function main(): Promise<number> {
  try {
    await (await commandLine()).parseAsync();
    return Number(process.exitCode ?? EXIT.ok);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (error instanceof Error && error.name === 'OutputClosed') return EXIT.ok;
    const { sentence, exitCode } = failure(error);
    say(`memlens: ${safeLine(sentence)}`);
    if (process.argv.includes('--debug') && error instanceof Error) say(error.stack ?? '');
    tellParent({ sentence, exitCode });
    return exitCode;
  }
}

const exitCode = await main();
// A daemon's message to its parent must leave before the process ends.
if (process.connected) process.once('disconnect', () => process.exit(exitCode));
else process.exit(exitCode);
