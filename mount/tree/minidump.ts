import { dumpFile, type DumpFile } from '../../src/minidump/file.js';
import { dumpHead } from '../../src/minidump/head.js';
import { directory } from '../../src/vfs/directory.js';
import type { BytesFile, Directory, WindowFile } from '../../src/vfs/node.js';
import { text } from '../../src/vfs/text.js';
import type { Kernel } from '../../src/windows/kernel.js';
import type { Process } from '../../src/windows/process.js';
import { hasDump, processDump } from '../../src/windows/process-dump.js';
import type { TreeServices } from './services.js';

const README = `minidump.dmp is a user-mode minidump with full memory, as debuggers open it (WinDbg, Visual Studio, lldb).

It holds what of the process's user memory is in the image, and nothing in the place of what is not.
Threads have registers where they were left on the way into the kernel; of others the context says nothing.
Modules are those of the loader's lists and images that no list names; what is injected is memory.
`;

const SECURITY = `There is no minidump of lsass.exe: programs that protect this machine would take it for stolen credentials.
Mount with --lsass-minidump to have it here.
`;

/** Heads of dumps that are kept, in bytes together: of those read last. */
const KEPT = 64 * 2 ** 20;
type Kept = Map<Process, { readonly bytes: number; readonly file: DumpFile }>;
const keptOf = new WeakMap<Kernel, Kept>();

function keptHeads({ kernel }: Process): Kept {
  const known = keptOf.get(kernel) ?? new Map();
  keptOf.set(kernel, known);
  return known;
}

/** The dump that a head begins, kept for the next read. */
function keep(process: Process, head: Buffer): DumpFile {
  const file = dumpFile(head, process);
  const kept = keptHeads(process);
  kept.delete(process);
  kept.set(process, { bytes: head.length, file });
  let bytes = 0;
  for (const its of kept.values()) bytes += its.bytes;
  for (const [oldest, its] of kept) {
    if (bytes <= KEPT || oldest === process) break;
    kept.delete(oldest);
    bytes -= its.bytes;
  }
  return file;
}

/** `minidump/` of a process: one that has a user half. */
export function minidumpDirectory(process: Process, { lsassMinidump }: TreeServices): Directory | undefined {
  if (!hasDump(process)) return undefined;
  const about = { doc: 'a minidump of the process' };
  if (process.name.toLowerCase() === 'lsass.exe' && !lsassMinidump) {
    return directory({ 'security.txt': text(() => SECURITY, { doc: 'why there is no minidump of lsass.exe, and how to get one' }) }, about);
  }
  const head: BytesFile = { kind: 'bytes', cost: 'slow', render: () => dumpHead(processDump(process)), doc: 'the minidump up to its memory' };
  return directory({
    'minidump.dmp': minidump(process, head),
    'readme.txt': text(() => README, { doc: 'what the minidump holds' }),
    [HEAD]: head,
  }, about);
}

const HEAD = '.minidump.head';

function minidump(process: Process, head: BytesFile): WindowFile {
  let size: number | undefined;
  const file = (): DumpFile => keptHeads(process).get(process)?.file ?? keep(process, Buffer.from(head.render()));
  return {
    kind: 'window',
    doc: 'a user-mode minidump with the memory that is in the image',
    get size() { return size ??= file().size; },
    fill: (offset, target) => file().fill(offset, target),
    prepared: {
      name: HEAD, file: head,
      get done() { return keptHeads(process).has(process); },
      take: (bytes) => { size = keep(process, Buffer.from(bytes)).size; },
    },
  };
}
