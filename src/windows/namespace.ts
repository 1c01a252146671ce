import { walk } from '../bytes/walk.js';
import type { Kernel } from './kernel.js';
import { objectManager, type ObjectType } from './object.js';
import { directoryObjects } from './object-directory.js';

const MAX_OBJECTS = 1 << 20;

/** An object with a place in the namespace. */
export interface NamedObject {
  /** Address of its body. */
  readonly address: bigint;
  /** Without the directory: `HarddiskVolume3`; empty when it cannot be read. */
  readonly name: string;
  /** `\Device\HarddiskVolume3`. */
  readonly path: string;
  readonly type: ObjectType | undefined;
  /** Address of the directory that holds it; 0n for the root. */
  readonly directory: bigint;
}

/**
 * The namespace from ObpRootDirectoryObject on, a directory before what it holds, its objects by name.
 *
 * @param within only what lies in the root's directories of these names; undefined: everything, the root first
 */
export function* namespace(kernel: Kernel, within?: readonly string[]): Generator<NamedObject> {
  const manager = objectManager(kernel);
  if (manager.root === 0n) {
    kernel.anomalies.add('object namespace', 'the root directory is not known');
    return;
  }
  const named = (address: bigint, parent: string, directory: bigint): NamedObject => {
    const header = manager.header(address);
    const name = manager.name(address, header) ?? '';
    return { address, name, path: `${parent === '\\' ? '' : parent}\\${name}`, type: header?.type, directory };
  };
  const members = (parent: NamedObject): readonly NamedObject[] => directoryObjects(kernel, parent.address)
    .map((object) => named(object, parent.path, parent.address))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const root: NamedObject = { address: manager.root, name: '\\', path: '\\', type: manager.header(manager.root)?.type, directory: 0n };
  const roots = within === undefined ? [root]
    : members(root).filter(({ name }) => within.some((wanted) => wanted.toLowerCase() === name.toLowerCase()));
  yield* walk(roots, ({ address }) => address,
    (object) => ({ value: object, next: object === root || object.type?.name === 'Directory' ? members(object) : [] }),
    { where: 'object namespace', cap: MAX_OBJECTS, anomalies: kernel.anomalies });
}
