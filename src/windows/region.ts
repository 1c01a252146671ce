import { hex } from '../bytes/hex.js';
import { protectionName, vadAt, type Vad } from './vad.js';
import { kernelModules, type Module } from './module.js';
import type { Process } from './process.js';

/** Says of addresses of one process what lies there: `ntdll.dll+0x1a2b`, `HEAP-01+0x10`. What it needs is read once. */
export class Regions {
  #modules: readonly Module[] | undefined;
  #kernelModules: readonly Module[] | undefined;

  constructor(private readonly process: Process) {}

  /** The module or VAD that holds an address, and how far into it that is; undefined where neither does. */
  at(address: bigint): string | undefined {
    const { process } = this;
    const { kernel } = process;
    if (kernel.isKernelAddress(address)) {
      this.#kernelModules ??= sorted(kernel.anomalies.attempt('kernel modules', () => kernelModules(kernel)) ?? []);
      return inModule(this.#kernelModules, address);
    }
    this.#modules ??= process.pid === 4 ? [] : sorted(process.modules());
    const vad = vadAt(process.vads(), address);
    return inModule(this.#modules, address) ?? (vad === undefined ? undefined : `${vadName(vad)}+0x${hex(address - vad.start)}`);
  }
}

/** What a VAD holds: its file, its use, or what kind of memory it is. */
function vadName(vad: Vad): string {
  const file = vad.file?.split('\\').at(-1);
  if (file !== undefined && file !== '') return file;
  return vad.what?.text ?? `${vad.private ? 'private' : vad.pagefile ? 'section' : 'memory'} ${hex(vad.start, 16)} ${protectionName(vad.protection)} `;
}

function sorted(modules: readonly Module[]): readonly Module[] {
  return [...modules].sort((a, b) => (a.base < b.base ? -1 : a.base > b.base ? 1 : 0));
}

function inModule(modules: readonly Module[], address: bigint): string | undefined {
  let low = 0;
  let high = modules.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const module = modules[middle]!;
    if (address < module.base) high = middle - 1;
    else if (address >= module.base + BigInt(module.size)) low = middle + 1;
    else return `${module.name}+0x${hex(address - module.base)}`;
  }
  return undefined;
}
