import { renameSync } from 'node:fs';
import { join } from 'node:path';
import type { Store } from './store.js';

/** The file that the pass writes, and serves once it is finished. */
export const DATABASE_FILE = 'memlens.sqlite';
/** The copy that is served while the pass runs. */
export const SNAPSHOT_FILE = 'snapshot.sqlite';

/** Copies may take this part of the pass's time. */
const SHARE = 0.1;
/** Bytes a millisecond that a copy is expected to write, until one was measured. */
const EXPECTED_RATE = 100_000;

/** Makes copies of the database for readers, as often as they cost less than a tenth of the pass's time. */
export class Snapshots {
  #spent = 0;
  #rate = EXPECTED_RATE;

  /** @param now milliseconds since the pass began */
  constructor(private readonly store: Store, private readonly folder: string, private readonly now: () => number) {}

  /** Makes a copy if it is worth its time. @returns its name in the folder */
  offer(): string | undefined {
    const size = this.store.size();
    if (this.#spent + size / this.#rate > SHARE * this.now()) return undefined;
    const begun = this.now();
    const path = join(this.folder, SNAPSHOT_FILE);
    this.store.copyTo(`${path}.part`);
    renameSync(`${path}.part`, path);
    const took = Math.max(this.now() - begun, 0.1);
    this.#spent += took;
    this.#rate = size / took;
    return SNAPSHOT_FILE;
  }
}
