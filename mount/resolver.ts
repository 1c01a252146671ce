import type { FileKind } from '../native-bindings/fuse.js';
import type { Directory, Node } from '../src/vfs/node.js';
import { ENOENT, ENOTDIR, Refusal } from './errno.js';
import { inodeOf, ROOT_INODE } from './inode.js';

/** A node that somebody refers to by its id, and where it is. */
export interface Place {
  readonly id: number;
  readonly parent: Place | undefined;
  readonly name: string;
  /** `/name/System-4`; the root is `/`. */
  readonly path: string;
  readonly inode: number;
}

interface Kept extends Place {
  readonly parent: Kept | undefined;
  /** Those that are kept; undefined: none ever was. */
  children: Map<string, Kept> | undefined;
  node: Node;
  /** What `node` was looked up in, and in which state of the tree. */
  from: Node;
  version: number;
  /** Answers given out and not yet given back. */
  references: number;
}

/** What a file system calls a node. */
export function kindOf(node: Node): FileKind {
  return node.kind === 'directory' || node.kind === 'link' ? node.kind : 'file';
}

/** The inode number of a name in a directory. */
export function inodeBelow(directory: Place, name: string): number {
  return inodeOf(directory.inode, name, (inode) => {
    for (let at: Place | undefined = directory; at !== undefined; at = at.parent) if (at.inode === inode) return true;
    return false;
  });
}

/**
 * From ids to nodes. Keeps what is referred to and the directories above it, nothing else. A node is looked up again when the
 * tree has changed, or when its directory is volatile.
 */
export class Resolver {
  readonly #places = new Map<number, Kept>();
  readonly #root: Kept;
  #next = 2;
  #version = 0;

  /** @param captureTime the mtime of what has none and lies below nothing that has one; FILETIME */
  constructor(root: Directory, private readonly captureTime: bigint | undefined) {
    this.#root = {
      id: 1, parent: undefined, name: '', path: '/', inode: ROOT_INODE, children: undefined,
      node: root, from: root, version: 0, references: 1,
    };
    this.#places.set(1, this.#root);
  }

  /** Ids in use. */
  get size(): number {
    return this.#places.size;
  }

  /** The model has learned more: nodes are looked up anew. */
  changed(): void {
    this.#version += 1;
  }

  place(id: number): Place {
    return this.#kept(id);
  }

  /** The node at a place, as the tree now is. */
  node(place: Place): Node {
    return this.#node(place as Kept);
  }

  /** The directory at a place. */
  directory(place: Place): Directory {
    const node = this.node(place);
    if (node.kind !== 'directory') throw new Refusal(ENOTDIR);
    return node;
  }

  /** Looks up a name and counts a reference, which `forget` gives back. */
  lookup(parent: Place, name: string): Place {
    const above = parent as Kept;
    const directory = this.directory(above);
    const known = above.children?.get(name);
    if (known !== undefined) {
      this.#node(known);
      known.references += 1;
      return known;
    }
    const node = directory.lookup(name);
    if (node === undefined) throw new Refusal(ENOENT);
    const place: Kept = {
      id: this.#next, parent: above, name, path: above === this.#root ? `/${name}` : `${above.path}/${name}`, inode: inodeBelow(above, name),
      children: undefined, node, from: directory, version: this.#version, references: 1,
    };
    this.#next += 1;
    this.#places.set(place.id, place);
    (above.children ??= new Map()).set(name, place);
    return place;
  }

  forget(id: number, count: number): void {
    const place = this.#places.get(id);
    if (place === undefined || place === this.#root) return;
    place.references = Math.max(0, place.references - count);
    this.#release(place);
  }

  /** The subject's time: the node's, else that of the nearest directory above that has one, else the capture time. */
  mtime(place: Place): bigint | undefined {
    for (let at: Place | undefined = place; at !== undefined; at = at.parent) {
      const { mtime } = this.node(at);
      if (mtime !== undefined) return mtime;
    }
    return this.captureTime;
  }

  #kept(id: number): Kept {
    const place = this.#places.get(id);
    if (place === undefined) throw new Refusal(ENOENT);
    return place;
  }

  #node(place: Kept): Node {
    if (place.parent === undefined) return place.node;
    const directory = this.#node(place.parent);
    if (place.from === directory && place.version === this.#version && directory.volatile !== true) return place.node;
    const node = directory.kind === 'directory' ? directory.lookup(place.name) : undefined;
    if (node === undefined) throw new Refusal(ENOENT);
    place.node = node;
    place.from = directory;
    place.version = this.#version;
    return node;
  }

  #release(place: Kept): void {
    for (let at = place; at.parent !== undefined && at.references === 0 && (at.children?.size ?? 0) === 0; at = at.parent) {
      this.#places.delete(at.id);
      at.parent.children?.delete(at.name);
    }
  }
}
