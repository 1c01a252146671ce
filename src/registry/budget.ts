/**
 * How much may be read of things that share a hive's bytes. In a hive as Windows writes it each entry of a list and each byte of
 * data lies in bytes of its own, so that all of them together are no more than the hive. Keys that share a list, values that share
 * data, and cells that overlap would make a walk of all of them far longer than the hive; what is over is cut.
 */
class Budget {
  #left: number;
  readonly #paid = new Map<number, number>();

  /**
   * @param total of all things together
   * @param free of each thing costs nothing, so that no other thing can hide it
   */
  constructor(total: number, private readonly free: number) {
    this.#left = total;
  }

  /** How much of `wanted` may be read of a thing. It pays once: what was granted is granted again. */
  grant(id: number, wanted: number): number {
    if (wanted <= this.free) return wanted;
    const paid = this.#paid.get(id) ?? 0;
    const due = wanted - this.free - paid;
    if (due <= 0) return wanted;
    const granted = Math.min(due, this.#left);
    if (granted > 0) {
      this.#left -= granted;
      this.#paid.set(id, paid + granted);
    }
    return this.free + paid + granted;
  }
}

/** Values of a key, and useless entries of its lists of sub-keys, that are always read. */
const FREE_VALUES = 64;
const FREE_USELESS = 16;
/** Bytes of a value's data that are always read. */
const FREE_DATA = 0x1000;

/** What may be read of a hive's lists and data. Keys and values are named by their cell index. */
export class HiveBudget {
  readonly #values: Budget;
  readonly #useless: Budget;
  readonly #data: Budget;

  /** @param bytes of all bins */
  constructor(bytes: number) {
    this.#values = new Budget(Math.ceil(bytes / 4), FREE_VALUES);
    this.#useless = new Budget(Math.ceil(bytes / 4), FREE_USELESS);
    this.#data = new Budget(bytes, FREE_DATA);
  }

  /** How many of so many values of a key may be read. */
  values(key: number, wanted: number): number {
    return this.#values.grant(key, wanted);
  }

  /**
   * Whether the lists of a key's sub-keys may be read on after so many entries that led to no sub-key. Those that do lead to one are
   * as many as the hive has keys, since each names one parent.
   */
  useless(key: number, entries: number): boolean {
    return this.#useless.grant(key, entries) >= entries;
  }

  /** Whether so much data of a value may be read. */
  data(value: number, bytes: number): boolean {
    return this.#data.grant(value, bytes) >= bytes;
  }
}
