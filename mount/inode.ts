/**
 * Inode numbers: 32 bits (fuse-native carries no more) of the path alone, so that they are the same at each mount. FNV-1a over
 * the characters, then murmur's finish. Two paths of a tree may share one; tools compare inodes only with link counts
 * above one, and with the directories above, from which `inodeOf` keeps apart.
 */
export const ROOT_INODE = 1;

function mixed(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * The inode number of `name` in a directory.
 * @param parent the directory's number
 * @param isAbove tells the numbers of the directory and those above it: equal to one of them would end a `find` there
 */
export function inodeOf(parent: number, name: string, isAbove: (inode: number) => boolean): number {
  let hash = 0x811c9dc5 ^ parent;
  for (let i = 0; i < name.length; i += 1) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  let inode = mixed(hash);
  while (inode <= ROOT_INODE || isAbove(inode)) inode = mixed(inode + 0x9e3779b9);
  return inode;
}
