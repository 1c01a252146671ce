import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

const PAGE = 4096;
/** Pages are written out in clusters: neighbours are asked for together. */
const CLUSTER = 16;
/** 4 MiB a page file. */
const REMEMBERED = 64;

/** A page file on the host: `pagefile.sys`, `swapfile.sys`. Opened when it is first read. */
export class PageFile {
  /** The last clusters, the oldest first. */
  readonly #clusters = new Map<number, Buffer>();
  #fd: number | undefined;
  #size: number | undefined;

  constructor(readonly path: string) {}

  /** Bytes. @throws the host's error when the file cannot be opened */
  get size(): number {
    this.#open();
    return this.#size ?? 0;
  }

  /** Whether it reaches over this page. @throws as `size` */
  has(offset: number): boolean {
    return Number.isInteger(offset) && offset >= 0 && (offset + 1) * PAGE <= this.size;
  }

  /**
   * @param offset in pages
   * @returns 4096 bytes that the caller does not change; undefined beyond the file's end
   * @throws the host's error when it cannot be read
   */
  read(offset: number): Uint8Array | undefined {
    if (!this.has(offset)) return undefined;
    const number = Math.floor(offset / CLUSTER);
    const cluster = this.#clusters.get(number) ?? this.#readCluster(number);
    this.#clusters.delete(number);
    this.#clusters.set(number, cluster);
    if (this.#clusters.size > REMEMBERED) this.#clusters.delete(this.#clusters.keys().next().value!);
    const at = (offset % CLUSTER) * PAGE;
    return at + PAGE <= cluster.length ? cluster.subarray(at, at + PAGE) : undefined;
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    this.#clusters.clear();
  }

  #open(): number {
    if (this.#fd !== undefined) return this.#fd;
    // A named pipe would wait for its writer.
    const fd = openSync(this.path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(fd);
    this.#size = stat.isFile() ? stat.size : 0;
    return this.#fd = fd;
  }

  #readCluster(number: number): Buffer {
    const cluster = Buffer.allocUnsafeSlow(Math.min(CLUSTER * PAGE, this.size - number * CLUSTER * PAGE));
    let done = 0;
    while (done < cluster.length) {
      const got = readSync(this.#open(), cluster, done, cluster.length - done, number * CLUSTER * PAGE + done);
      if (got === 0) break;
      done += got;
    }
    return cluster.subarray(0, done);
  }
}
