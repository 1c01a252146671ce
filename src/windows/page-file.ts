import type { PagedOut } from '../paging/paged-out.js';
import { PageFile } from '../paging/page-file.js';
import { compressedStore, type CompressedStore } from './compressed-store.js';
import type { Kernel } from './kernel.js';
import type { PageFileOption } from './options.js';
import { pageFileTable } from './page-file-table.js';

const WHERE = 'page files';
const PAGE = 4096;
/** `\??\C:\pagefile.sys`, `/evidence/C/pagefile.sys` */
const lastPart = (path: string): string => path.split(/[\\/]/).at(-1) ?? path;

/**
 * Where a kernel's paged-out pages are read: page files on the host by their numbers, and the store of compressed pages. Nothing is
 * opened or looked for before a page is asked for.
 */
export class PagedOutPages implements PagedOut {
  readonly #files: ReadonlyMap<number, PageFile>;
  #store: CompressedStore | undefined;
  #storeFiles: ReadonlySet<number> | undefined;

  constructor(private readonly kernel: Kernel, given: readonly PageFileOption[]) {
    this.#files = new Map(given.map(({ number, path }) => [number, new PageFile(path)]));
  }

  kind(file: number): 'pagefile' | 'compressed' {
    return this.#stores().has(file) ? 'compressed' : 'pagefile';
  }

  has(file: number, offset: number): boolean {
    if (this.kind(file) === 'compressed') return this.#store?.has(offset) === true;
    return this.#onHost(file, (found) => found.has(offset)) === true;
  }

  read(file: number, offset: number): Uint8Array | undefined {
    if (this.kind(file) === 'compressed') return this.#store?.read(offset);
    return this.#onHost(file, (found) => {
      const page = found.read(offset);
      if (page === undefined) {
        this.kernel.anomalies.add(WHERE, `page file ${file} ends at page 0x${Math.floor(found.size / PAGE).toString(16)}, and PTEs name pages beyond: it is cut off or another machine's`);
      }
      return page;
    });
  }

  close(): void {
    for (const file of this.#files.values()) file.close();
  }

  /** What the user should know of the files that were given, one sentence each. */
  * warnings(): Generator<string> {
    const known = pageFileTable(this.kernel);
    for (const [number, file] of this.#files) {
      const name = lastPart(file.path);
      const entry = known.find((each) => each.number === number);
      if (entry === undefined) {
        if (known.length > 0) yield `page file ${number}, ${name}: the kernel has no page file of this number`;
        continue;
      }
      if (entry.virtualStore) {
        yield `page file ${number}, ${name}: the kernel's number ${number} is the store of compressed pages, which is on no disk; the file is not used`;
        continue;
      }
      // Copies are called anything; one that is called as another page file of the machine is likely that one.
      const isNamed = ({ name: theirs }: { readonly name: string | undefined }): boolean => theirs !== undefined && name.toLowerCase().endsWith(lastPart(theirs).toLowerCase());
      const other = isNamed(entry) ? undefined : known.find(isNamed);
      if (other !== undefined) yield `page file ${number}, ${name}: the kernel's number ${number} is ${entry.name ?? 'without name'}, and ${other.name} is number ${other.number}`;
      const size = this.#onHost(number, (found) => found.size);
      if (size !== undefined && size < entry.pages * PAGE) {
        yield `page file ${number}, ${name}: it has ${size} bytes, the machine's had ${entry.pages * PAGE}: what lies beyond is missing`;
      }
    }
  }

  /** Numbers of the page files that the store of compressed pages stands behind. */
  #stores(): ReadonlySet<number> {
    if (this.#storeFiles !== undefined) return this.#storeFiles;
    // What is read on the way to the store may be paged out itself: until it is found there is none.
    this.#storeFiles = new Set();
    const store = this.#store = compressedStore(this.kernel);
    const certain = pageFileTable(this.kernel).filter(({ virtualStore }) => virtualStore).map(({ number }) => number);
    // Where the kernel does not say which number it is, the user's word counts.
    const supposed = (store?.files ?? []).filter((number) => !this.#files.has(number));
    return this.#storeFiles = new Set(certain.length > 0 ? certain : supposed);
  }

  #onHost<T>(number: number, read: (file: PageFile) => T): T | undefined {
    const file = this.#files.get(number);
    if (file === undefined) return undefined;
    try {
      return read(file);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      this.kernel.anomalies.add(WHERE, `page file ${number} cannot be read (${code})`);
      return undefined;
    }
  }
}
