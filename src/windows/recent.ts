/** What can be read again, and may therefore be forgotten. */
export interface Forgetful {
  forget(): void;
}

/** Bounds what is remembered: of the things used, all but the last `limit` forget what they have read. */
export class Recent {
  readonly #used = new Set<Forgetful>();

  constructor(readonly limit: number) {}

  use(thing: Forgetful): void {
    this.#used.delete(thing);
    this.#used.add(thing);
    if (this.#used.size <= this.limit) return;
    const [oldest] = this.#used;
    this.#used.delete(oldest!);
    oldest!.forget();
  }
}
