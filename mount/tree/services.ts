import type { Node } from '../../src/vfs/node.js';
import type { Windows } from '../../src/windows/windows.js';
import type { SearchService } from '../search-service.js';

export type { SearchService } from '../search-service.js';

/** The tree as a whole, for links from one place in it to another. */
export interface WholeTree {
  readonly windows: Windows;
  /** The node at a path without a leading slash: `pid/4/threads`; undefined when there is none. */
  at(path: string): Node | undefined;
}

/** What a mount's tree may use beside the image. */
export interface TreeServices {
  /** Searches memory in a worker; undefined where nothing is mounted. */
  readonly search: SearchService | undefined;
  /** lsass.exe has a minidump as other processes have; else a note that says how to get it. */
  readonly lsassMinidump: boolean;
  /** Undefined where a part of the tree is made alone: then nothing in it links to other parts. */
  readonly tree?: WholeTree | undefined;
}
