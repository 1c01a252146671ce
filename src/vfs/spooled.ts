import type { About, HostFile } from './node.js';

/**
 * A finished file in our own work folder, served by offset. The file is complete and does not change any more while the node is
 * listed; never a path that came out of the image.
 */
export function spooled(path: string, about: About & { readonly mime?: string } = {}): HostFile {
  return { ...about, kind: 'host', path };
}
