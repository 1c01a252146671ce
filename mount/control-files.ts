import type { ControlFile } from '../src/vfs/node.js';
import type { OpenMode } from '../native-bindings/fuse.js';
import { EBADF, EFBIG, EINVAL, Refusal } from './errno.js';

/** The longest text that a control file takes: rules come in large files. */
export const MAX_CONTROL = 16 * 2 ** 20;
/** Control files of whose last text we know the bytes. */
const KEPT = 256;
/** Writers that fill a buffer give it on at a multiple of this: such a piece may not be all. */
const PIECE = 4096;

interface Known {
  readonly text: string;
  readonly bytes: Buffer;
  /** Milliseconds added to the mtime: the kernel tells contents of one size apart by it. */
  readonly bump: number;
}

/** What control files read as, and what is being written to them. */
export class ControlFiles {
  readonly #known = new Map<string, Known>();

  /** @param complain takes why a text was refused */
  constructor(private readonly complain: (path: string, why: string) => void) {}

  /** What reading gives now, and how much its time has moved. */
  content(path: string, node: ControlFile): { readonly bytes: Buffer; readonly size: number; readonly bump: number } {
    const text = node.read();
    const before = this.#known.get(path);
    const known = before !== undefined && before.text === text ? before : this.#keep(path, { text, bytes: Buffer.from(text, 'utf8'), bump: (before?.bump ?? 0) + (before === undefined ? 0 : 1) });
    return { bytes: known.bytes, size: known.bytes.length, bump: known.bump };
  }

  /** An open file that is written to. */
  writer(path: string, node: ControlFile, mode: OpenMode): ControlWriter {
    return new ControlWriter(node, mode, {
      touched: () => this.#touch(path, node),
      complain: (why) => this.complain(path, why),
    });
  }

  /** The kernel may have kept what was written, which need not be what reading gives. */
  #touch(path: string, node: ControlFile): void {
    const { bump } = this.content(path, node);
    const text = node.read();
    this.#keep(path, { text, bytes: Buffer.from(text, 'utf8'), bump: bump + 1 });
  }

  #keep(path: string, known: Known): Known {
    this.#known.delete(path);
    this.#known.set(path, known);
    if (this.#known.size > KEPT) this.#known.delete(this.#known.keys().next().value as string);
    return known;
  }
}

interface Observer {
  touched(): void;
  complain(why: string): void;
}

/** One opening of a control file for writing. */
export class ControlWriter {
  /** Where the pieces begin that this opening writes. */
  readonly #base: Buffer;
  #written = Buffer.alloc(0);
  #length = 0;
  /** The kernel's offset of the first piece of one that appends: it knows the length of what reading gives, not ours. */
  #origin: number | undefined;
  /** Something has come since the text was taken. */
  #pending = false;
  #emptied: boolean;
  /** More came than is taken: none of it is. */
  #tooLong = false;

  constructor(private readonly node: ControlFile, private readonly mode: OpenMode, private readonly observer: Observer) {
    this.#emptied = mode.truncate;
    this.#base = node.appends === true && mode.append && !mode.truncate ? Buffer.from(node.read(), 'utf8') : Buffer.alloc(0);
  }

  /** Bytes that have been written so far. */
  get bytes(): Uint8Array {
    return this.#written.subarray(0, this.#length);
  }

  /**
   * Takes a piece. One that can be the whole text is looked at right away, since few programs ask whether closing went well.
   * @throws Refusal EINVAL for a text that is refused, EFBIG for one that is too long
   */
  write(offset: number, data: Uint8Array): number | Promise<number> {
    if (!this.mode.writing) throw new Refusal(EBADF);
    const at = this.mode.append ? offset - (this.#origin ??= offset) : offset;
    const end = at + data.length;
    if (at < 0 || this.#base.length + end > MAX_CONTROL) {
      this.#tooLong = true;
      throw new Refusal(EFBIG);
    }
    if (end > this.#written.length) this.#grow(end);
    // A gap is what nobody has written.
    if (at > this.#length) this.#written.fill(0, this.#length, at);
    this.#written.set(data, at);
    this.#length = Math.max(this.#length, end);
    this.#pending = true;
    this.#emptied = false;
    this.observer.touched();
    if (at !== 0 || data.length % PIECE === 0) return data.length;
    const verdict = this.#verdict(this.#text());
    if (verdict instanceof Promise) return verdict.then((why) => (why === undefined ? data.length : this.#refuse(why)));
    return verdict === undefined ? data.length : this.#refuse(verdict);
  }

  /** Makes what was written shorter. @throws Refusal EINVAL: it cannot be made longer by nothing */
  truncate(size: number): void {
    if (size > this.#length) throw new Refusal(EINVAL);
    this.#length = size;
    this.#origin = undefined;
    this.#emptied = false;
    this.#pending = true;
    this.observer.touched();
  }

  /**
   * A descriptor was closed: takes what has been written since the last time.
   * @throws Refusal EINVAL for a text that is refused
   */
  flush(): number | Promise<number> {
    if (this.#tooLong) throw new Refusal(EFBIG);
    if (!this.#pending) return 0;
    this.#pending = false;
    return this.#take(this.#text());
  }

  /** The last descriptor is closed. An emptied file that nobody has written to is taken now: `: > file`. */
  async release(): Promise<void> {
    if (!this.#emptied || this.#pending) return;
    this.#emptied = false;
    if (await this.#verdict('') === undefined) this.#give('');
  }

  #take(text: string): number | Promise<number> {
    const settle = (why: string | undefined): number => {
      if (why !== undefined) return this.#refuse(why);
      this.#give(text);
      return 0;
    };
    const verdict = this.#verdict(text);
    return verdict instanceof Promise ? verdict.then(settle) : settle(verdict);
  }

  #give(text: string): void {
    this.node.write(text);
    this.observer.touched();
  }

  #refuse(why: string): never {
    this.observer.complain(why);
    throw new Refusal(EINVAL);
  }

  #verdict(text: string): string | undefined | Promise<string | undefined> {
    return this.node.refuses?.(text);
  }

  #text(): string {
    return Buffer.concat([this.#base, this.bytes]).toString('utf8');
  }

  #grow(length: number): void {
    const grown = Buffer.alloc(Math.min(MAX_CONTROL, Math.max(length, 2 * this.#written.length, 256)));
    grown.set(this.bytes);
    this.#written = grown;
  }
}
