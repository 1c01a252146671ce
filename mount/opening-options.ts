import { type Command, InvalidArgumentError, Option } from 'commander';
import { MODES, type ModeName } from '../src/paging/mode.js';
import type { PageFileOption } from '../src/windows/options.js';
import type { OpeningChoices } from './opening.js';
import { anotherPageFile, checkPageFiles } from './page-files.js';
import { symbolSettings } from './symbols.js';

/** What the command line says of how an image is opened. */
export interface OpeningFlags {
  readonly work?: string;
  /** False with `--no-cache`. */
  readonly cache?: boolean;
  readonly dtb?: number;
  readonly kernelBase?: bigint;
  readonly arch?: ModeName;
  readonly profile?: string;
  readonly pagefile?: readonly PageFileOption[];
  readonly lsassMinidump?: true;
  readonly symbols?: readonly string[];
  readonly symbolsServer?: string;
  /** False with `--no-logs`. */
  readonly logs?: boolean;
}

/** Adds the options that every command takes which opens an image. */
export function withOpening(command: Command): Command {
  return command
    .option('--work <folder>', 'where the database, spool files and what is remembered of images go (default: the user\'s cache)')
    .option('--no-cache', 'search anew, and remember nothing of this image')
    .option('--dtb <address>', 'physical address of the page table to use', physical)
    .option('--kernel-base <address>', 'address of the kernel\'s image', virtual)
    .addOption(new Option('--arch <mode>', 'paging mode').choices(MODES.map(({ name }) => name)))
    .option('--profile <name>', 'layouts to use: none (derive all from the image), a build (19041, 10.0.19041.388), or GUID and age of a known kernel')
    .option('--pagefile <file>', 'the page file that belongs to the image; given again: the next one (swapfile.sys), or with its number, 1=FILE', anotherPageFile)
    .option('--lsass-minidump', 'make a minidump of lsass.exe too (virus scanners take it away, and it holds credentials)')
    .option('--symbols <folder>', 'a folder with symbol files (PDB, or Volatility\'s JSON); may be given several times; `download`: ask Microsoft\'s server for what is missing',
      (value: string, before: readonly string[] = []) => [...before, value])
    .option('--symbols-server <url>', 'ask this symbol server instead')
    .option('--no-logs', 'of registry hives: leave the transaction logs beside them alone');
}

/** The choices that the flags make. @throws UserError when a page file cannot be read */
export function openingChoices({ work, cache, dtb, kernelBase, arch, profile, pagefile = [], lsassMinidump, symbols = [], symbolsServer }: OpeningFlags): OpeningChoices {
  const { folders, server } = symbolSettings(symbols, symbolsServer, work);
  checkPageFiles(pagefile);
  return {
    work, cache: cache !== false,
    overrides: { dtb, kernelBase, arch, profile },
    pageFiles: pagefile,
    lsassMinidump: lsassMinidump === true,
    symbolFolders: folders, symbolServer: server,
  };
}

function address(text: string, most: bigint): bigint {
  // WinDbg writes fffff801`2e800000.
  const digits = text.replaceAll('`', '');
  const value = /^0x[0-9a-f]+$/i.test(digits) || /^\d+$/.test(digits) ? BigInt(digits) : /^[0-9a-f]+$/i.test(digits) ? BigInt(`0x${digits}`) : -1n;
  if (value < 0n || value > most) throw new InvalidArgumentError('It is an address, such as 0x1aa000.');
  return value;
}

function physical(text: string): number {
  return Number(address(text, 2n ** 52n));
}

function virtual(text: string): bigint {
  return address(text, 2n ** 64n - 1n);
}
