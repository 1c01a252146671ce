import { getSystemErrorMap } from 'node:util';
import { type Attributes, type FileSystem, openMode, type Reply, ROOT_ID } from '../../native-bindings/fuse.js';
import type { View } from './cases.js';

async function ask<T>(reply: Reply<T>): Promise<T> {
  const answer = await reply;
  if (typeof answer !== 'number' || answer >= 0) return answer as T;
  const [name = `errno ${answer}`] = getSystemErrorMap().get(answer) ?? [];
  throw Object.assign(new Error(name), { code: name });
}

/** Looks at a file system without the kernel between. */
export function inProcessView(fileSystem: FileSystem): View {
  const at = async <T>(path: string, work: (its: Attributes) => Promise<T>): Promise<T> => {
    const held: number[] = [];
    let its = await ask(fileSystem.attributes(ROOT_ID));
    try {
      for (const name of path.split('/').filter((part) => part !== '')) {
        its = await ask(fileSystem.lookup(its.id, name));
        held.push(its.id);
      }
      return await work(its);
    } finally {
      for (const id of held.reverse()) fileSystem.forget(id, 1);
    }
  };
  const readAt = (path: string, offset: number, length: number): Promise<Buffer> => at(path, async (its) => {
    const { handle } = await ask(fileSystem.open(its.id, openMode(0)));
    const target = Buffer.alloc(length);
    const got = await ask(fileSystem.read(handle, offset, target));
    fileSystem.release(handle);
    return target.subarray(0, got);
  });
  return {
    list: (path) => at(path, async (its) => (await ask(fileSystem.list(its.id))).map((entry) => entry.name)),
    read: (path) => at(path, (its) => readAt(path, 0, its.size + 100)),
    readAt,
    stat: (path) => at(path, async (its) => ({ size: its.size, mtimeMs: its.mtimeMs, ino: its.inode, kind: its.kind })),
    readlink: (path) => at(path, (its) => ask(fileSystem.readlink(its.id))),
    xattr: (path, name) => at(path, async (its) => Buffer.from(await ask(fileSystem.xattr(its.id, name))).toString()),
    xattrNames: (path) => at(path, async (its) => [...await ask(fileSystem.xattrNames(its.id))]),
    openForWriting: (path) => at(path, async (its) => { await ask(fileSystem.open(its.id, openMode(2))); }),
    write: (path, data, how = 'replace') => at(path, async (its) => {
      const { handle } = await ask(fileSystem.open(its.id, openMode(how === 'append' ? 0o2001 : how === 'replace' ? 0o1001 : 1)));
      try {
        const start = how === 'append' ? its.size : 0;
        const bytes = Buffer.from(data);
        // As the kernel cuts them.
        for (let done = 0; done < bytes.length; done += 131_072) await ask(fileSystem.write(handle, start + done, bytes.subarray(done, done + 131_072)));
        await ask(fileSystem.flush(handle));
      } finally {
        fileSystem.release(handle);
      }
    }),
    truncate: (path, size) => at(path, async (its) => { await ask(fileSystem.truncate(its.id, undefined, size)); }),
    touch: (path) => at(path, async (its) => { await ask(fileSystem.touch(its.id)); }),
    mode: (path) => at(path, async (its) => its.mode),
  };
}
