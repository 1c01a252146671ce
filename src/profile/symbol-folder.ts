import { mkdirSync, opendirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FormatError } from '../bytes/errors.js';
import { isFileError } from './file-source.js';
import type { Profile } from './profile.js';
import { cachedProfile, keepProfile, type SourceFile } from './symbol-cache.js';
import { fileIdentity, identityByName, readSymbolFile, SYMBOL_FILE, type FileIdentity } from './symbol-file.js';
import { symbolId, tableProfile, type SymbolTable } from './symbol-table.js';

/** The symbols that an image asks for: what the CodeView record of a module says. */
export interface WantedSymbols {
  /** `ntkrnlmp.pdb`; from the image, so it may be anything. */
  readonly pdbName: string;
  /** 32 upper-case digits. */
  readonly guid: string;
  readonly age: number;
  /** Of the module, when it is known: symbol files do not say it. */
  readonly version?: string | undefined;
}

export interface SymbolOptions {
  /** Where finished profiles and the index of folders are kept, and where symbol files may lie too; undefined: nothing is kept. */
  readonly cache?: string | undefined;
  /** Is told what was skipped and why. */
  readonly note?: ((sentence: string) => void) | undefined;
}

const MOST_DEPTH = 8;
const MOST_ENTRIES = 50_000;
/** Files that say their GUID only inside, which may have to be unpacked for it. */
const MOST_OPENED = 512;
const SAFE_NAME = /^(?!\.)[\w.+-]{1,128}$/;

/**
 * The symbols of one module, from folders in the layouts that people have: a symbol store (`ntkrnlmp.pdb/GUIDAGE/ntkrnlmp.pdb`),
 * Volatility's (`ntkrnlmp.pdb/GUID-age.json.xz`), or any files below. A file counts when its own GUID and age are the wanted ones.
 * What was read once is kept in the cache.
 */
export function symbolsFor(folders: readonly string[], wanted: WantedSymbols, options: SymbolOptions = {}): Profile | undefined {
  const { cache, note } = options;
  const cached = cache === undefined || !isGuid(wanted.guid) ? undefined : cachedProfile(cache, symbolId(wanted));
  const expected = expectedFiles(folders, wanted, cache);
  const version = wanted.version ?? '';
  if (cached !== undefined && (expected.length === 0 || expected.some((file) => isSame(file, cached.source)))) return cached.profile(version);
  for (const file of candidates(folders, wanted, options, expected)) {
    const table = read(file.path, wanted, note);
    if (table === undefined) continue;
    const complaint = cache === undefined ? undefined : keepProfile(cache, table, file);
    if (complaint !== undefined) note?.(complaint);
    return tableProfile(table, version);
  }
  return cached?.profile(version);
}

/** Where the symbols lie: a file, or the cache; undefined when they are not there. Reads no more than the files' heads. */
export function locateSymbols(folders: readonly string[], wanted: WantedSymbols, options: SymbolOptions = {}): string | undefined {
  const expected = expectedFiles(folders, wanted, options.cache);
  for (const { path } of candidates(folders, wanted, options, expected)) return path;
  if (options.cache === undefined || !isGuid(wanted.guid)) return undefined;
  return cachedProfile(options.cache, symbolId(wanted))?.source.path;
}

/** Where a symbol store keeps a file, below its root: `ntkrnlmp.pdb/GUIDAGE/ntkrnlmp.pdb`. Undefined for a name that is none of a file. */
export function storePath({ pdbName, guid, age }: WantedSymbols): string | undefined {
  return SAFE_NAME.test(pdbName) && isGuid(guid) ? `${pdbName}/${guid}${age.toString(16).toUpperCase()}/${pdbName}` : undefined;
}

function isGuid(guid: string): boolean {
  return /^[0-9A-F]{32}$/.test(guid);
}

function isSame(a: SourceFile, b: SourceFile): boolean {
  return a.path === b.path && a.size === b.size && a.mtimeMs === b.mtimeMs;
}

function read(path: string, wanted: WantedSymbols, note: SymbolOptions['note']): SymbolTable | undefined {
  try {
    const table = readSymbolFile(path, wanted.pdbName);
    if (table.guid !== wanted.guid) {
      note?.(`${path} was passed over: it is of ${symbolId(table)}, not of ${symbolId(wanted)}`);
      return undefined;
    }
    if (table.skipped > 0) note?.(`${table.skipped} types of ${path} contradict themselves and are left out`);
    // Ages of one GUID differ only in what a tool added to the file: the image's is what it is asked for by.
    return { ...table, age: wanted.age };
  } catch (error) {
    if (!(error instanceof FormatError) && !isFileError(error)) throw error;
    note?.(`${path} was passed over: ${error.message}`);
    return undefined;
  }
}

/** The paths where the known layouts have it, those that exist. */
function expectedFiles(folders: readonly string[], wanted: WantedSymbols, cache: string | undefined): readonly SourceFile[] {
  const { pdbName, guid, age } = wanted;
  const store = storePath(wanted);
  if (store === undefined) return [];
  const names = [store, store.replace(/\/([0-9A-F]+)\//, (_, id: string) => `/${id.toLowerCase()}/`),
    ...['.json.xz', '.json', '.json.gz'].map((ending) => `${pdbName}/${guid}-${age}${ending}`)];
  return [...folders, ...(cache === undefined ? [] : [cache])].flatMap((folder) => names.map((name) => sourceFile(join(folder, name)))).filter((file) => file !== undefined);
}

function sourceFile(path: string): SourceFile | undefined {
  try {
    const { size, mtimeMs } = statSync(path);
    return { path, size, mtimeMs };
  } catch (error) {
    if (isFileError(error)) return undefined;
    throw error;
  }
}

/** What may be the wanted file: at the expected places first, then by its name, then by what it says inside. */
function* candidates(folders: readonly string[], wanted: WantedSymbols, options: SymbolOptions, expected: readonly SourceFile[]): Generator<SourceFile> {
  yield* expected;
  const isWanted = (identity: FileIdentity | undefined): boolean => identity?.guid === wanted.guid && identity.ages.includes(wanted.age);
  const unnamed: string[] = [];
  for (const path of symbolFiles(folders, options)) {
    const named = identityByName(path);
    if (named === undefined) unnamed.push(path);
    else if (isWanted(named) && !expected.some((file) => file.path === path)) {
      const file = sourceFile(path);
      if (file !== undefined) yield file;
    }
  }
  const index = new FolderIndex(options);
  try {
    for (const path of unnamed) {
      const file = sourceFile(path);
      if (file !== undefined && isWanted(index.identity(file)) && !expected.some((one) => one.path === path)) yield file;
    }
  } finally {
    index.keep();
  }
}

/** All files below the folders that may hold symbols. Links to folders are not followed. */
function* symbolFiles(folders: readonly string[], { cache, note }: SymbolOptions): Generator<string> {
  let left = MOST_ENTRIES;
  const waiting = [...folders, ...(cache === undefined ? [] : [cache])].map((path) => ({ path, depth: 0 }));
  for (let folder = waiting.shift(); folder !== undefined; folder = waiting.shift()) {
    const { path, depth } = folder;
    try {
      const entries = opendirSync(path);
      try {
        for (let entry = entries.readSync(); entry && left > 0; entry = entries.readSync()) {
          left -= 1;
          const below = join(path, entry.name);
          if (entry.isDirectory()) {
            if (depth < MOST_DEPTH) waiting.push({ path: below, depth: depth + 1 });
          } else if (SYMBOL_FILE.test(entry.name)) yield below;
        }
      } finally {
        entries.closeSync();
      }
    } catch (error) {
      if (!isFileError(error)) throw error;
      // The cache's own folder need not exist yet.
      if (path !== cache) note?.(`${path} cannot be searched for symbols: ${error.message}`);
    }
  }
  if (left === 0) note?.(`only the first ${MOST_ENTRIES} files of the symbol folders were looked at; name a folder nearer to the files`);
}

type IndexRow = readonly [size: number, mtimeMs: number, guid: string, ...ages: number[]];

/** What files say inside, kept from one start to the next. */
class FolderIndex {
  readonly #rows = new Map<string, IndexRow>();
  #changed = false;
  #opened = 0;

  constructor(private readonly options: SymbolOptions) {
    const { cache } = options;
    if (cache === undefined) return;
    try {
      for (const [path, row] of Object.entries((JSON.parse(readFileSync(join(cache, 'index.json'), 'utf8')) ?? {}) as Record<string, unknown>)) {
        if (isIndexRow(row)) this.#rows.set(path, row);
      }
    } catch (error) {
      // Without an index the files are read again.
      if (!isFileError(error) && !(error instanceof SyntaxError)) throw error;
    }
  }

  identity({ path, size, mtimeMs }: SourceFile): FileIdentity | undefined {
    const known = this.#rows.get(path);
    if (known !== undefined && known[0] === size && known[1] === mtimeMs) return known[2] === '' ? undefined : { guid: known[2], ages: known.slice(3) as number[] };
    this.#opened += 1;
    if (this.#opened === MOST_OPENED) this.options.note?.(`only ${MOST_OPENED} symbol files were opened; name a folder nearer to the files`);
    if (this.#opened >= MOST_OPENED) return undefined;
    let found: FileIdentity | undefined;
    try {
      found = fileIdentity(path);
    } catch (error) {
      if (!isFileError(error)) throw error;
      this.options.note?.(`${path} was passed over: ${error.message}`);
      return undefined;
    }
    this.#rows.set(path, [size, mtimeMs, found?.guid ?? '', ...(found?.ages ?? [])]);
    this.#changed = true;
    return found;
  }

  keep(): void {
    const { cache, note } = this.options;
    if (cache === undefined || !this.#changed) return;
    this.#changed = false;
    const path = join(cache, 'index.json');
    try {
      mkdirSync(cache, { recursive: true });
      writeFileSync(`${path}.${process.pid}`, JSON.stringify(Object.fromEntries([...this.#rows].slice(-MOST_ENTRIES))));
      renameSync(`${path}.${process.pid}`, path);
    } catch (error) {
      if (!isFileError(error)) throw error;
      note?.(`the index of the symbol folders is not kept: ${error.message}`);
    }
  }
}

function isIndexRow(row: unknown): row is IndexRow {
  return Array.isArray(row) && row.length >= 3 && typeof row[0] === 'number' && typeof row[1] === 'number' && typeof row[2] === 'string'
    && row.slice(3).every((age) => typeof age === 'number');
}
