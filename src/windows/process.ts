import type { Anomalies } from '../bytes/anomaly.js';
import type { AddressSpace } from '../paging/address-space.js';
import { handles, type Handle } from './handle.js';
import type { Kernel } from './kernel.js';
import { systemModules } from './module-hidden.js';
import { modules, type Module } from './module.js';
import { parameters, type Parameters } from './parameters.js';
import { threads, type Thread } from './thread.js';
import { token, type Token } from './token.js';
import { prototypeIn, prototypeRanges } from './vad-prototype.js';
import { vads, type Vad } from './vad.js';

/** How a process was found: the active list, PspCidTable, the list of all handle tables, the pool scan. */
export type ProcessSource = 'list' | 'cid' | 'handle' | 'scan';

/** What one read of `_EPROCESS` says. Plain facts. */
export interface ProcessFacts {
  /** Address of the `_EPROCESS`. */
  readonly address: bigint;
  readonly pid: number;
  readonly ppid: number;
  /** ImageFileName: at most 14 or 15 characters. */
  readonly shortName: string;
  /** SeAuditProcessCreationInfo.ImageFileName: `\Device\HarddiskVolume3\Windows\explorer.exe`; empty when there is none. */
  readonly kernelPath: string;
  /** FILETIMEs; undefined when zero. */
  readonly created: bigint | undefined;
  readonly exited: bigint | undefined;
  /** `KPROCESS.DirectoryTableBase` as stored. */
  readonly dtb: number;
  readonly userDtb: number | undefined;
  /** Undefined when the process has none. */
  readonly peb: bigint | undefined;
  readonly peb32: bigint | undefined;
  readonly wow64: boolean;
  readonly sessionId: number | undefined;
  readonly sectionBase: bigint;
  readonly exitStatus: number;
  /** Undefined where the build's layout does not say it. */
  readonly activeThreads: number | undefined;
  /** `_PS_PROTECTION.Level`; undefined before Windows 8.1. */
  readonly protection: number | undefined;
  readonly tokenAddress: bigint | undefined;
  readonly objectTable: bigint | undefined;
  /** Where the member VadRoot lies: a tree's root or the tree itself, by build. */
  readonly vadRoot: bigint | undefined;
}

/** A process and what is known of it. Properties are free; methods read the image and remember while the process is in use. */
export class Process {
  readonly #memo = new Map<string, unknown>();
  #memory: AddressSpace | undefined;
  #readingVads = false;

  constructor(
    readonly kernel: Kernel,
    readonly facts: ProcessFacts,
    readonly sources: ReadonlySet<ProcessSource>,
  ) {}

  get address(): bigint { return this.facts.address; }
  get pid(): number { return this.facts.pid; }
  get ppid(): number { return this.facts.ppid; }
  get created(): bigint | undefined { return this.facts.created; }
  get exited(): bigint | undefined { return this.facts.exited; }
  /** It has an exit time: it ended, and only parts of it remain. */
  get terminated(): boolean { return this.facts.exited !== undefined; }
  /** On the active list. */
  get linked(): boolean { return this.sources.has('list'); }
  get anomalies(): Anomalies { return this.kernel.anomalies; }
  /** The place named in anomalies. */
  get where(): string { return `process ${this.pid} ${this.name}`; }
  /** The image's full name: the last part of the kernel path, else the short name. */
  get name(): string {
    const last = this.facts.kernelPath.split('\\').at(-1);
    return last !== undefined && last !== '' ? last : this.facts.shortName;
  }

  /** The process's address space; pages that are not mapped read as missing. */
  get memory(): AddressSpace {
    if (this.#memory === undefined) {
      // The tables of those that have ended are others' by now.
      const said = this.terminated ? undefined : (what: string, table: number): void => this.anomalies.add(this.where, what, table);
      this.#memory = this.kernel.processSpace(this.facts.dtb, this.facts.userDtb, said);
      this.kernel.recent.use(this);
      // Pages that the process has not touched yet are known to its VADs alone.
      if (this.#memory !== this.kernel.memory) {
        this.#memory.prototypeOf = (address) => this.#vadsKnow((vads) => prototypeIn(this.kernel, vads, address));
        this.#memory.prototypeRanges = (start, end) => this.#vadsKnow((vads) => prototypeRanges(this.kernel, vads, start, end)) ?? [];
      }
    }
    return this.#memory;
  }

  parameters(): Parameters | undefined { return this.#once('parameters', () => parameters(this)); }
  modules(): readonly Module[] {
    return this.#once('modules', () => (this.pid === 4 ? systemModules(this.kernel) : modules(this))) ?? [];
  }
  vads(): readonly Vad[] {
    return this.#once('vads', () => {
      this.#readingVads = true;
      try {
        return vads(this);
      } finally {
        this.#readingVads = false;
      }
    }) ?? [];
  }
  handles(): readonly Handle[] { return this.#once('handles', () => handles(this)) ?? []; }
  threads(): readonly Thread[] { return this.#once('threads', () => threads(this)) ?? []; }
  token(): Token | undefined { return this.#once('token', () => token(this)); }

  #vadsKnow<T>(ask: (vads: readonly Vad[]) => T): T | undefined {
    // The VADs themselves are being read: what they need of user memory is had without them.
    return this.#readingVads ? undefined : ask(this.vads());
  }

  /** Gives up what was read; it is read again when it is asked for. */
  forget(): void {
    this.#memo.clear();
    this.#memory = undefined;
  }

  /** Reads once; a contradiction becomes an anomaly of this process and the answer undefined. */
  #once<T>(what: string, read: () => T): T | undefined {
    this.kernel.recent.use(this);
    if (!this.#memo.has(what)) this.#memo.set(what, this.anomalies.attempt(`${this.where} ${what}`, read));
    return this.#memo.get(what) as T | undefined;
  }
}
