import type { SyntheticKernel } from './kernel-image.js';
import type { View } from './layout.js';

const PER_PAGE = 256;
const ENTRY = 16;

/** A handle table of one level, of two once it has more than 255 handles. */
export class SyntheticHandleTable {
  readonly view: View;
  readonly #pages: bigint[];
  #middle: bigint | undefined;

  constructor(private readonly kernel: SyntheticKernel, owner: bigint, pid: number) {
    this.view = kernel.paged.struct('_HANDLE_TABLE', 'Obtb');
    this.view.set('UniqueProcessId', pid).set('QuotaProcess', owner).listInit('HandleTableList');
    this.#pages = [kernel.paged.pages(4096)];
    this.view.set('TableCode', this.#pages[0]!).set('NextHandleNeedingPool', 0x400);
  }

  get address(): bigint {
    return this.view.address;
  }

  /** Where a handle's entry lies; pages up to it are made. */
  entry(handle: number): View {
    const index = handle >>> 2;
    while (this.#pages.length * PER_PAGE <= index) {
      if (this.#middle === undefined) {
        this.#middle = this.kernel.paged.pages(4096);
        this.kernel.space.setU64(this.#middle, this.#pages[0]!);
        this.view.set('TableCode', this.#middle | 1n);
      }
      const page = this.kernel.paged.pages(4096);
      this.kernel.space.setU64(this.#middle + BigInt(this.#pages.length * 8), page);
      this.#pages.push(page);
      this.view.set('NextHandleNeedingPool', this.#pages.length * 0x400);
    }
    const at = this.#pages[Math.floor(index / PER_PAGE)]! + BigInt((index % PER_PAGE) * ENTRY);
    return this.kernel.view('_HANDLE_TABLE_ENTRY', at);
  }

  /** @param target an object's header; in PspCidTable its body */
  put(handle: number, target: bigint, access = 0): void {
    const entry = this.entry(handle);
    if (entry.has('ObjectPointerBits')) {
      // Since 8.1: the pointer's bits 4 to 47, shifted; until then the pointer itself, its lock bit set.
      entry.set('Unlocked', 1).set('RefCnt', 0x7f).set('ObjectPointerBits', target >> 4n).set('GrantedAccessBits', access);
    } else {
      entry.set('Value', target | 1n).set('GrantedAccess', access);
    }
    if (this.view.has('HandleCount')) this.view.set('HandleCount', this.view.get('HandleCount') + 1n);
  }
}
