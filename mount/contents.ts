import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type { BytesFile, HostFile } from '../src/vfs/node.js';
import type { Renderer, RenderedFile } from './renderer.js';
import type { Spool } from './spool.js';

/** A rendered file above this many bytes goes to the spool. */
export const SPOOL_OVER = 4 * 2 ** 20;
/** Rendered files kept in memory, in bytes together. */
const KEPT_BYTES = 32 * 2 ** 20;
/** Rendered files kept, however small: the kernel's page cache has their bytes too. */
const KEPT_FILES = 4096;
/** Files whose size is remembered after their bytes have gone. */
const KEPT_SIZES = 200_000;

/** What is known of a file's content after it has been rendered once. */
interface Known {
  readonly size: number;
  readonly digest: string;
  /** The state of the tree in which it was rendered. */
  readonly version: number;
  /**
   * Milliseconds added to the mtime: content that changed without changing its size would otherwise be served
   * from the kernel's page cache, which compares size and mtime. A file with a time of its own says so itself.
   */
  readonly bump: number;
}

/** A file's content, to be read by offset: bytes in memory or a finished file of the host. */
export interface Content extends RenderedFile {
  /** See `Known`. */
  readonly bump: number;
}

/** Renders files once and keeps what they gave: bytes up to a limit, large ones in the spool, sizes longer than both. */
export class Contents {
  readonly #kept = new Map<string, Content>();
  readonly #known = new Map<string, Known>();
  readonly #pending = new Map<string, Promise<Content>>();
  #bytes = 0;
  #version = 0;

  /** @param renderer renders slow files; undefined: they are rendered here */
  constructor(private readonly spool: Spool, private readonly renderer: Renderer | undefined) {}

  /** The model has learned more: everything is rendered anew when it is next asked for. */
  changed(): void {
    this.#version += 1;
    this.#pending.clear();
    for (const path of [...this.#kept.keys()]) this.#drop(path);
  }

  /** The size is known without rendering anything. */
  isKnown(path: string, node: BytesFile): boolean {
    return node.volatile !== true && (node.size !== undefined || this.#known.get(path)?.version === this.#version);
  }

  /** Size and mtime bump. */
  status(path: string, node: BytesFile): { size: number; bump: number } | Promise<{ size: number; bump: number }> {
    if (node.volatile !== true) {
      if (node.size !== undefined) return { size: node.size, bump: this.#known.get(path)?.bump ?? 0 };
      const known = this.#known.get(path);
      if (known?.version === this.#version) return known;
    }
    return this.content(path, node);
  }

  /** The content, rendered when it is not there; volatile files always. */
  content(path: string, node: BytesFile): Content | Promise<Content> {
    const kept = node.volatile === true ? undefined : this.#kept.get(path);
    if (kept !== undefined) {
      this.#kept.delete(path);
      this.#kept.set(path, kept);
      return kept;
    }
    const pending = this.#pending.get(path);
    if (pending !== undefined) return pending;
    if (node.cost === 'quick' || this.renderer === undefined) {
      const bytes = rendering(path, () => node.render());
      if (bytes.length > SPOOL_OVER) return this.#wait(path, node, this.#spooled(bytes));
      return this.#keep(path, node, { size: bytes.length, digest: digestOf(bytes), bytes, file: undefined });
    }
    return this.#wait(path, node, this.#slow(this.renderer, path));
  }

  /** The size and, for a volatile one, the mtime of a host's file. */
  async hostStatus(node: HostFile): Promise<{ size: number; mtimeMs: number }> {
    const { size, mtimeMs } = await stat(node.path);
    return { size, mtimeMs };
  }

  async #spooled(bytes: Uint8Array): Promise<RenderedFile> {
    return { size: bytes.length, digest: digestOf(bytes), bytes: undefined, file: await this.spool.write(bytes) };
  }

  async #slow(renderer: Renderer, path: string): Promise<RenderedFile> {
    const rendered = await renderer.render(path, this.spool.path()).catch((error: unknown) => rendering(path, () => { throw error; }));
    if (rendered === undefined) throw new Error(`the render worker does not know ${path}`);
    return rendered;
  }

  /** Equal requests share one rendering. */
  #wait(path: string, node: BytesFile, rendering: Promise<RenderedFile>): Promise<Content> {
    const version = this.#version;
    const promise = rendering.then((rendered) => {
      // What was rendered before the tree changed still answers those who asked, and is not kept.
      if (version !== this.#version) return { ...rendered, bump: this.#known.get(path)?.bump ?? 0 };
      this.#pending.delete(path);
      return this.#keep(path, node, rendered);
    }, (error: unknown) => {
      if (version === this.#version) this.#pending.delete(path);
      throw error;
    });
    this.#pending.set(path, promise);
    return promise;
  }

  #keep(path: string, node: BytesFile, rendered: RenderedFile): Content {
    const { size, digest } = rendered;
    const before = this.#known.get(path);
    const unseen = before !== undefined && before.digest !== digest && node.mtime === undefined
      && (before.size === size || node.volatile === true);
    const bump = (before?.bump ?? 0) + (unseen ? 1 : 0);
    remember(this.#known, path, { size, digest, version: this.#version, bump });
    const content: Content = { ...rendered, bump };
    this.#drop(path);
    this.#kept.set(path, content);
    if (rendered.file !== undefined) {
      const gone = new Set(this.spool.keep(rendered.file, rendered.size));
      if (gone.size > 0) {
        for (const [other, its] of this.#kept) if (its.file !== undefined && gone.has(its.file)) this.#kept.delete(other);
      }
    }
    this.#bytes += rendered.bytes?.length ?? 0;
    for (const oldest of this.#kept.keys()) {
      if (oldest === path || (this.#bytes <= KEPT_BYTES && this.#kept.size <= KEPT_FILES)) break;
      if (this.#kept.get(oldest)?.bytes !== undefined) this.#drop(oldest);
    }
    return content;
  }

  #drop(path: string): void {
    const content = this.#kept.get(path);
    if (content === undefined) return;
    this.#kept.delete(path);
    this.#bytes -= content.bytes?.length ?? 0;
    if (content.file !== undefined) this.spool.drop(content.file);
  }
}

/** Runs `work`; its error names the path. */
function rendering<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Error(`${path} cannot be made: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** The algorithm that tells contents apart. */
export const DIGEST = 'sha1';

export function digestOf(bytes: Uint8Array): string {
  return createHash(DIGEST).update(bytes).digest('base64');
}

function remember(known: Map<string, Known>, path: string, what: Known): void {
  known.delete(path);
  known.set(path, what);
  if (known.size > KEPT_SIZES) known.delete(known.keys().next().value as string);
}
