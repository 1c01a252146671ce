import { directory } from '../../src/vfs/directory.js';
import type { Directory } from '../../src/vfs/node.js';
import type { Windows } from '../../src/windows/windows.js';
import { phys2virtAllDirectory } from './phys2virt.js';
import { searchDirectories } from './search.js';
import type { TreeServices } from './services.js';

/** `/misc`: what works on the whole machine. */
export function miscDirectory(windows: Windows, size: number, services: TreeServices): Directory {
  return directory({
    phys2virt: () => phys2virtAllDirectory(windows),
    search: () => searchDirectories({ scope: { kind: 'physical' }, min: 0n, max: BigInt(size) - 1n }, services, 'searches through all physical memory: bytes, texts, YARA'),
  }, { doc: 'searches through all memory, and physical addresses to virtual ones' });
}
