import { textTime } from '../../src/bytes/filetime.js';
import { hex } from '../../src/bytes/hex.js';
import { directory } from '../../src/vfs/directory.js';
import type { Directory, WindowFile } from '../../src/vfs/node.js';
import { text } from '../../src/vfs/text.js';
import type { Parameters } from '../../src/windows/parameters.js';
import type { Process } from '../../src/windows/process.js';
import { handlesDirectory } from './handles.js';
import { memmapDirectory } from './memmap.js';
import { modulesDirectory } from './modules.js';
import { threadsDirectory } from './threads.js';
import { tokenDirectory } from './token.js';

/** 0 while it runs, 1 when it has ended: the signal state of the process object. */
export function processState(process: Process): number {
  return process.terminated ? 1 : 0;
}

/** Everything about one process. */
export function processDirectory(process: Process): Directory {
  const { facts, kernel } = process;
  const fixed = (value: number | string, width: number) => text(() => `${String(value).padEnd(width)}\n`);
  const address = (value: bigint | number | undefined) => (value === undefined ? undefined : text(() => hex(value, 16)));
  const parameter = (value: (parameters: Parameters) => string) => () => {
    const parameters = process.parameters();
    return parameters && text(() => value(parameters));
  };
  return directory({
    'dtb.txt': address(kernel.mode.tableOf(facts.dtb)),
    'dtb-user.txt': address(facts.userDtb && kernel.mode.tableOf(facts.userDtb)),
    handles: () => handlesDirectory(process),
    memmap: () => memmapDirectory(process),
    'memory.vmem': { kind: 'link', target: '.raw/memory.vmem' },
    modules: () => modulesDirectory(process),
    'name.txt': fixed(facts.shortName, 15),
    'name-long.txt': text(() => process.name),
    'pid.txt': fixed(process.pid, 10),
    'ppid.txt': fixed(process.ppid, 10),
    'state.txt': fixed(processState(process), 10),
    threads: () => threadsDirectory(process),
    'time-create.txt': text(() => `${textTime(process.created)}\n`),
    'time-exit.txt': process.terminated ? text(() => `${textTime(process.exited)}\n`) : undefined,
    token: () => tokenDirectory(process),
    'win-cmdline.txt': parameter(({ commandLine }) => commandLine),
    'win-curdir.txt': parameter(({ currentDirectory }) => currentDirectory),
    'win-environment.txt': parameter(({ environment }) => environment.map((variable) => `${variable}\n`).join('')),
    'win-eprocess.txt': address(process.address),
    'win-path.txt': text(() => facts.kernelPath || process.name),
    'win-peb.txt': address(facts.peb),
    'win-peb32.txt': address(facts.peb32),
    'win-title.txt': parameter(({ windowTitle }) => windowTitle),
    // As large as the address space: reached through the link, passed by when the tree is walked.
    '.raw': () => directory({ 'memory.vmem': virtualMemory(process) }),
  }, {
    mtime: process.created,
    xattrs: () => ({ 'user.memlens.address': hex(process.address, 16), 'user.memlens.source': [...process.sources].join(',') }),
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
