import type { Anomalies } from '../bytes/anomaly.js';
import { drivers, type Driver } from './driver.js';
import { cidProcesses, handleTableProcesses } from './handle-table.js';
import { hives, type Hive } from './hive.js';
import type { Kernel } from './kernel.js';
import { endpoints, type Endpoint } from './network.js';
import type { ScanFacts } from './pool.js';
import { listedProcesses, processesAt } from './process-list.js';
import type { Process } from './process.js';
import { registryAccounts } from './registry-accounts.js';
import { registryKey } from './registry-path.js';
import { systemFacts, type SystemFacts } from './system.js';
import { joinThreads } from './thread-sources.js';
import { nameAccountsBy } from './users.js';

/** The model of the Windows in an image: what everything above may ask. Each list is read once and remembered. */
export interface Windows {
  readonly kernel: Kernel;
  readonly anomalies: Anomalies;
  /** Version, times, names of the machine. */
  readonly system: SystemFacts;
  /** All known processes, ascending by PID, then creation time: active list, PspCidTable; after `join` the scan's too. */
  processes(): readonly Process[];
  /** The process with this PID; the linked one, else the newest, where several ended ones share it. */
  process(pid: number): Process | undefined;
  drivers(): readonly Driver[];
  endpoints(): readonly Endpoint[];
  hives(): readonly Hive[];
  /** What the pool scan found; undefined until it has ended. */
  readonly scan: ScanFacts | undefined;
  /** Adds what the pool scan found; lists are read anew. Given once. */
  join(facts: ScanFacts): void;
}

export class WindowsModel implements Windows {
  readonly anomalies: Anomalies;
  #scan: ScanFacts | undefined;
  #system: SystemFacts | undefined;
  #processes: readonly Process[] | undefined;
  #drivers: readonly Driver[] | undefined;
  #endpoints: readonly Endpoint[] | undefined;
  #hives: readonly Hive[] | undefined;

  constructor(readonly kernel: Kernel) {
    this.anomalies = kernel.anomalies;
    nameAccountsBy(kernel, registryAccounts(() => this.hives(), kernel.anomalies));
  }

  get scan(): ScanFacts | undefined {
    return this.#scan;
  }

  get system(): SystemFacts {
    return this.#system ??= systemFacts(this.kernel, this.process(4)?.created, (path, value) => {
      const key = this.anomalies.attempt('registry', () => registryKey(this.hives(), path));
      const found = this.anomalies.attempt('registry', () => key?.value(value)?.native());
      return typeof found === 'string' && found !== '' ? found : undefined;
    });
  }

  processes(): readonly Process[] {
    const { kernel, anomalies } = this;
    return this.#processes ??= processesAt(kernel, [
      ['list', anomalies.attempt('active process list', () => listedProcesses(kernel)) ?? []],
      ['cid', anomalies.attempt('PspCidTable', () => cidProcesses(kernel)) ?? []],
      ['handle', anomalies.attempt('handle table list', () => handleTableProcesses(kernel)) ?? []],
      ['scan', this.#scan?.processes ?? []],
    ]);
  }

  process(pid: number): Process | undefined {
    const same = this.processes().filter((process) => process.pid === pid);
    return same.find((process) => process.linked && !process.terminated) ?? same.at(-1);
  }

  drivers(): readonly Driver[] {
    return this.#drivers ??= this.anomalies.attempt('drivers', () => drivers(this.kernel, this.#scan?.drivers ?? [])) ?? [];
  }

  endpoints(): readonly Endpoint[] {
    return this.#endpoints ??= this.anomalies.attempt('network', () => endpoints(this.kernel, this.processes(), this.#scan?.endpoints ?? [])) ?? [];
  }

  hives(): readonly Hive[] {
    return this.#hives ??= this.anomalies.attempt('hives', () => hives(this.kernel, this.#scan?.hives ?? [], () => this.processes())) ?? [];
  }

  join(facts: ScanFacts): void {
    this.#scan = facts;
    joinThreads(this.kernel, facts.threads);
    this.#processes = undefined;
    this.#drivers = undefined;
    this.#endpoints = undefined;
    this.#hives = undefined;
    this.#system = undefined;
  }
}
