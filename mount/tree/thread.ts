import { CALL_STACK, frameRows } from '../../src/tables/call-stack.js';
import { threadInfoText } from '../../src/tables/thread-info.js';
import { threadVerboseRows } from '../../src/tables/threads-verbose.js';
import { directory } from '../../src/vfs/directory.js';
import type { BytesFile, Directory, WindowFile } from '../../src/vfs/node.js';
import { tableFile } from '../../src/vfs/table.js';
import { text } from '../../src/vfs/text.js';
import { addressedWindow, memoryWindow } from '../../src/vfs/window.js';
import { addressXattr } from '../../src/vfs/xattr.js';
import type { CallStack } from '../../src/windows/call-frame.js';
import { callStack, kernelCallStack } from '../../src/windows/call-stack.js';
import type { Process } from '../../src/windows/process.js';
import type { FoundThread } from '../../src/windows/thread-sources.js';
import type { Thread } from '../../src/windows/thread.js';
import { readToken, type Token } from '../../src/windows/token.js';
import { tokenFiles } from './token.js';

const PAGE = 0x1000;
/** What a TEB may claim of a stack is shown from its end down to here; a kernel stack is far smaller. */
const MAX_STACK = 1 << 26;
const MAX_KERNEL_STACK = 1 << 20;
const END = 'user.memlens.end';

/** One thread: what is known of it, its calls, and its memory. */
export function threadDirectory(process: Process, found: FoundThread): Directory {
  const { kernel, memory } = process;
  const { thread } = found;
  const where = `${process.where} thread ${thread.tid}`;
  const window = (start: bigint, size: number, doc: string): WindowFile => addressedWindow(memoryWindow(memory, start, size, { doc }), start);
  const stack = (limit: bigint | undefined, base: bigint | undefined, most: number, doc: string): WindowFile | undefined => {
    if (limit === undefined || base === undefined || base <= limit) return undefined;
    const size = base - limit > BigInt(most) ? most : Number(base - limit);
    if (size === most) kernel.anomalies.add(where, `a stack of ${base - limit} bytes is shown in part`, limit);
    return window(base - BigInt(size), size, doc);
  };
  const inUser = thread.userStackBase !== undefined && thread.userStackBase <= kernel.mode.kernelStart;
  return directory({
    'callstack.txt': thread.teb === 0n ? undefined : calls(() => callStack(process, thread), 'the calls that it is in, in user mode, by unwind data; always there, nothing has to be enabled'),
    ethread: () => window(thread.address, kernel.profile.sizeOf('_ETHREAD') ?? PAGE, 'its _ETHREAD'),
    impersonation: () => impersonation(process, thread, where),
    'info.txt': slowText(() => [...threadVerboseRows(process, [found])].map(threadInfoText).join(''), 'state, times, addresses, registers: a line each'),
    'kcallstack.txt': kernel.pointerSize === 8 && kernel.mode.name !== 'arm64' && thread.exited === undefined ? calls(() => kernelCallStack(process, thread), 'the calls that it is in, in the kernel, where it waits') : undefined,
    kstack: () => (kernel.isKernelAddress(thread.kernelStackLimit) ? stack(thread.kernelStackLimit, thread.kernelStackBase, MAX_KERNEL_STACK, 'its kernel stack') : undefined),
    stack: () => (inUser ? stack(thread.userStackLimit, thread.userStackBase, MAX_STACK, 'its user stack') : undefined),
    teb: () => (thread.teb === 0n || kernel.isKernelAddress(thread.teb) ? undefined : window(thread.teb, tebSize(process), 'its thread environment block')),
  }, {
    doc: 'one thread',
    mtime: thread.exited ?? thread.created,
    xattrs: () => ({ ...addressXattr(thread.address), 'user.memlens.source': found.source }),
  });
}

/** Whole pages. */
function tebSize({ kernel: { profile } }: Process): number {
  return Math.ceil((profile.sizeOf('_TEB') ?? PAGE) / PAGE) * PAGE;
}

function slowText(produce: () => string, doc: string): BytesFile {
  return { ...text(produce, { doc }), cost: 'slow' };
}

/** The table of a call stack, which says as an attribute why it ends where it does. */
function calls(read: () => CallStack, doc: string): BytesFile {
  return tableFile(CALL_STACK, () => frameRows(read().frames), { cost: 'slow', doc, slowXattrs: { names: [END], read: () => ({ [END]: read().end }) } });
}

function impersonation({ kernel }: Process, { impersonationToken }: Thread, where: string): Directory | undefined {
  if (impersonationToken === 0n) return undefined;
  let known: { readonly token: Token | undefined } | undefined;
  const read = (): Token | undefined => (known ??= { token: kernel.anomalies.attempt(where, () => readToken(kernel, impersonationToken, `${where} impersonation`)) }).token;
  return tokenFiles(kernel, read, impersonationToken, `${where} impersonation`, 'whom it acts for in place of its process\'s user');
}
