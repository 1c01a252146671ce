import { FormatError } from './errors.js';

/** Something in the image that contradicts itself, or that had to be left out. Shown to the analyst. */
export interface Anomaly {
  /** The place in the model: `process 4 handles`, `hive SYSTEM`, `active process list`. */
  readonly where: string;
  readonly what: string;
  readonly address: bigint | number | undefined;
}

/** Collects anomalies, each once, and no more of one place than an analyst would read. */
export class Anomalies {
  static readonly PER_PLACE = 200;
  static readonly TOTAL = 20_000;
  readonly #seen = new Set<string>();
  readonly #counts = new Map<string, number>();
  readonly #list: Anomaly[] = [];

  get list(): readonly Anomaly[] {
    return this.#list;
  }

  add(where: string, what: string, address?: bigint | number): void {
    const key = `${where}\0${what}\0${address ?? ''}`;
    if (this.#seen.has(key) || this.#list.length >= Anomalies.TOTAL) return;
    const count = (this.#counts.get(where) ?? 0) + 1;
    this.#counts.set(where, count);
    if (count > Anomalies.PER_PLACE) return;
    this.#seen.add(key);
    this.#list.push(count === Anomalies.PER_PLACE
      ? { where, what: 'more anomalies of this place are left out', address: undefined }
      : { where, what, address });
  }

  /** Runs `work`; a contradiction in the bytes becomes an anomaly and the answer undefined. */
  attempt<T>(where: string, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.add(where, error.message, error.address);
      return undefined;
    }
  }
}
