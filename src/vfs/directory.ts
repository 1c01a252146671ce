import type { About, Cost, Directory, Node } from './node.js';

/** A directory's row: the node, or what makes it on first use; undefined leaves the row out. */
export type Entry = Node | (() => Node | undefined) | undefined;

export interface DirectoryAbout extends About {
  /** What listing costs; `quick` when not said. */
  readonly cost?: Cost;
}

/** A directory computed from a list. */
export interface Listing {
  /** What `ls` shows, in a stable order. */
  entries(): Iterable<readonly [name: string, node: Node]>;
  /** One name, quickly; may know names that are not listed. */
  lookup(name: string): Node | undefined;
}

/** The twin `x.csv` of a file `x.txt` that `find` knows. */
function twin(name: string, find: (name: string) => Node | undefined): Node | undefined {
  const dot = name.lastIndexOf('.');
  if (dot <= 0) return undefined;
  const extension = name.slice(dot + 1);
  if (extension === 'txt') return undefined;
  const file = find(`${name.slice(0, dot)}.txt`);
  if (file?.kind !== 'bytes' || file.twins === undefined || !Object.hasOwn(file.twins, extension)) return undefined;
  return file.twins[extension];
}

/**
 * A directory written down as a table: a row is a name and a node, or what makes the node when it is first asked for (kept from
 * then on). Undefined rows are left out, twins of a listed `x.txt` answer as `x.csv` and `x.jsonl`, and names that begin with
 * a dot answer but are not listed. Order is the literal's.
 */
export function directory(entries: Readonly<Record<string, Entry>>, about: DirectoryAbout = {}): Directory {
  const rows = new Map<string, Entry>(Object.entries(entries));
  const find = (name: string): Node | undefined => {
    const entry = rows.get(name);
    if (typeof entry !== 'function') return entry;
    const node = entry();
    rows.set(name, node);
    return node;
  };
  return {
    ...about,
    kind: 'directory',
    cost: about.cost ?? 'quick',
    *entries() {
      for (const name of rows.keys()) {
        if (name.startsWith('.')) continue;
        const node = find(name);
        if (node !== undefined) yield [name, node] as const;
      }
    },
    lookup: (name) => find(name) ?? twin(name, find),
  };
}

/** A directory computed from a list (processes, keys). Twins of its `x.txt` answer as in `directory`. */
export function listing(list: Listing, about: DirectoryAbout = {}): Directory {
  const find = (name: string): Node | undefined => list.lookup(name);
  return {
    ...about,
    kind: 'directory',
    cost: about.cost ?? 'quick',
    entries: () => list.entries(),
    lookup: (name) => find(name) ?? twin(name, find),
  };
}
