import { textTime } from '../../src/bytes/filetime.js';
import { hex } from '../../src/bytes/hex.js';
import { kernelPath, processState, processTable } from '../../src/tables/processes.js';
import { directory } from '../../src/vfs/directory.js';
import type { Directory, WindowFile } from '../../src/vfs/node.js';
import { text } from '../../src/vfs/text.js';
import { addressXattr } from '../../src/vfs/xattr.js';
import type { Parameters } from '../../src/windows/parameters.js';
import type { Process } from '../../src/windows/process.js';
import { consoleDirectory } from './console.js';
import { filesDirectory } from './files.js';
import { handlesDirectory } from './handles.js';
import { heapsDirectory } from './heaps.js';
import { memmapDirectory } from './memmap.js';
import { minidumpDirectory } from './minidump.js';
import { modulesDirectory } from './modules.js';
import { phys2virtDirectory } from './phys2virt.js';
import { searchDirectory } from './search.js';
import type { TreeServices } from './services.js';
import { threadsDirectory } from './threads.js';
import { tokenDirectory } from './token.js';
import { virt2physDirectory } from './virt2phys.js';
import { vmemDirectory } from './vmem.js';

/** Everything about one process. */
export function processDirectory(process: Process, services: TreeServices): Directory {
  const { facts, kernel } = process;
  const fixed = (value: number | string, width: number, doc: string) => text(() => `${String(value).padEnd(width)}\n`, { doc });
  const address = (value: bigint | number | undefined, doc: string) => (value === undefined ? undefined : text(() => hex(value, 16), { doc }));
  const time = (value: bigint | undefined, doc: string) => text(() => `${textTime(value)}\n`, { doc });
  const parameter = (value: (parameters: Parameters) => string, doc: string) => () => {
    const parameters = process.parameters();
    return parameters && text(() => value(parameters), { doc });
  };
  return directory({
    console: () => consoleDirectory(process, services),
    'dtb.txt': address(processTable(process), 'directory table base: physical address of its top-level page table'),
    'dtb-user.txt': address(facts.userDtb && kernel.mode.tableOf(facts.userDtb), 'the table in use in user mode, where that is another'),
    files: () => filesDirectory(process),
    handles: () => handlesDirectory(process, services),
    heaps: () => heapsDirectory(process),
    memmap: () => memmapDirectory(process),
    'memory.vmem': { kind: 'link', target: '.raw/memory.vmem', doc: 'its virtual memory by address; a link, so that walking the tree passes it by' },
    minidump: () => minidumpDirectory(process, services),
    modules: () => modulesDirectory(process),
    'name.txt': fixed(facts.shortName, 15, 'name as the kernel holds it: 14 characters at most'),
    'name-long.txt': text(() => process.name, { doc: 'the image\'s full name' }),
    phys2virt: () => phys2virtDirectory(process),
    'pid.txt': fixed(process.pid, 10, 'process ID'),
    'ppid.txt': fixed(process.ppid, 10, 'process ID of its parent'),
    search: () => searchDirectory(process, services),
    'state.txt': fixed(processState(process), 10, '0: it runs; 1: it has ended'),
    threads: () => threadsDirectory(process),
    'time-create.txt': time(process.created, 'when it began'),
    'time-exit.txt': process.terminated ? time(process.exited, 'when it ended') : undefined,
    token: () => tokenDirectory(process),
    virt2phys: () => virt2physDirectory(process),
    vmem: () => vmemDirectory(process),
    'win-cmdline.txt': parameter(({ commandLine }) => commandLine, 'command line, by the PEB'),
    'win-curdir.txt': parameter(({ currentDirectory }) => currentDirectory, 'current directory, by the PEB'),
    'win-environment.txt': parameter(({ environment }) => environment.map((variable) => `${variable}\n`).join(''), 'environment variables'),
    'win-eprocess.txt': address(process.address, 'virtual address of its _EPROCESS'),
    'win-path.txt': text(() => kernelPath(process), { doc: 'path of the image, by the kernel' }),
    'win-peb.txt': address(facts.peb, 'virtual address of its PEB'),
    'win-peb32.txt': address(facts.peb32, 'virtual address of its 32-bit PEB'),
    'win-title.txt': parameter(({ windowTitle }) => windowTitle, 'window title, by the PEB'),
    // As large as the address space: reached through the link, passed by when the tree is walked.
    '.raw': () => directory({ 'memory.vmem': virtualMemory(process) }),
  }, {
    mtime: process.created,
    xattrs: () => ({ ...addressXattr(process.address), 'user.memlens.source': [...process.sources].join(',') }),
  });
}

/**
 * The virtual memory of a process by address, as large as the address space (2^48 bytes on x64; upper addresses at their
 * lowest 48 bits). The kernel's half is shown for System alone, so that it is there once and not in every process.
 */
function virtualMemory({ memory, pid }: Process): WindowFile {
  const { virtualBits, kernelStart, lastAddress } = memory.mode;
  const size = 2 ** virtualBits;
  const system = pid === 4;
  const border = Number(BigInt.asUintN(virtualBits, kernelStart));
  const addressOf = (offset: number): bigint => (offset < border ? BigInt(offset) : kernelStart + BigInt(offset - border));
  return {
    kind: 'window',
    size,
    fill(offset, target) {
      const user = Math.max(0, Math.min(target.length, border - offset));
      const missing = user === 0 ? 0 : memory.fill(addressOf(offset), target.subarray(0, user));
      if (user === target.length) return missing;
      const upper = target.subarray(user);
      if (system) return missing + memory.fill(addressOf(offset + user), upper);
      upper.fill(0);
      return missing + upper.length;
    },
    *runs() {
      for (const { start, length } of memory.runs(0n, kernelStart)) yield { start: Number(start), length };
      if (!system) return;
      for (const { start, length } of memory.runs(kernelStart, lastAddress + 1n)) yield { start: Number(start - kernelStart) + border, length };
    },
  };
}
