import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import type { PageFileOption } from '../src/windows/options.js';
import { EXIT, UserError } from './exit-codes.js';

/** A PTE has four bits for the number of a page file. */
const MOST = 16;
const NUMBERED = /^(\d{1,2})=(.+)$/s;

/**
 * One more `--pagefile`: `FILE` takes the lowest number that is free, `N=FILE` its own.
 * @throws InvalidArgumentError says what is wrong with it
 */
export function anotherPageFile(value: string, before: readonly PageFileOption[] = []): readonly PageFileOption[] {
  const [, digits, rest] = NUMBERED.exec(value) ?? [];
  const taken = new Set(before.map(({ number }) => number));
  const free = Array.from({ length: MOST }, (_, number) => number).find((each) => !taken.has(each));
  const number = digits === undefined ? free : Number(digits);
  if (number === undefined || number >= MOST) throw new InvalidArgumentError(`Page files have the numbers 0 to ${MOST - 1}.`);
  if (taken.has(number)) throw new InvalidArgumentError(`There is a page file ${number} already; give each its own number, as ${number}=FILE.`);
  const path = rest ?? value;
  if (path === '') throw new InvalidArgumentError('It is a file, such as pagefile.sys or 1=swapfile.sys.');
  return [...before, { number, path: resolve(path) }];
}

/** @throws UserError when one of them is no file that can be read */
export function checkPageFiles(files: readonly PageFileOption[]): void {
  for (const { path } of files) {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) throw new UserError(`The page file ${path} does not exist; check its path.`, EXIT.image);
    if (!stat.isFile()) throw new UserError(`The page file ${path} is no file; give the file itself.`, EXIT.image);
    try {
      accessSync(path, constants.R_OK);
    } catch (error) {
      throw new UserError(`The page file ${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)}); check its permissions.`, EXIT.image);
    }
    if (stat.size < 4096) throw new UserError(`The page file ${path} has ${stat.size} bytes, less than one page; copy it again, whole.`, EXIT.image);
  }
}

/** What tells these page files from others: an image with other ones shows other bytes. Empty without any. */
export function pageFilesIdentity(files: readonly PageFileOption[]): string {
  return [...files].sort((a, b) => a.number - b.number).map(({ number, path }) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat === undefined ? `${number} ${path}` : `${number} ${realpathSync(path)} ${stat.size} ${stat.mtimeMs}`;
  }).join('\0');
}
