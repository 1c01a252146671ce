import type { SyntheticKernel } from './kernel-image.js';
import type { View } from './layout.js';

const PAGE = 4096;

/** A handle table of one level, of two once it has more than 255 handles. */
export class SyntheticHandleTable {
  readonly view: View;
  readonly #pages: bigint[];
  #middle: bigint | undefined;
  /** Bytes of an entry: two pointers. */
  readonly #size: number;
  readonly #perPage: number;

  constructor(private readonly kernel: SyntheticKernel, owner: bigint, pid: number) {
    this.#size = kernel.profile.sizeOf('_HANDLE_TABLE_ENTRY')!;
    this.#perPage = PAGE / this.#size;
    this.view = kernel.paged.struct('_HANDLE_TABLE', 'Obtb');
    this.view.set('UniqueProcessId', pid).set('QuotaProcess', owner).listInit('HandleTableList');
    this.#pages = [kernel.paged.pages(4096)];
    this.view.set('TableCode', this.#pages[0]!).set('NextHandleNeedingPool', this.#perPage * 4);
  }

  get address(): bigint {
    return this.view.address;
  }

  /** Where a handle's entry lies; pages up to it are made. */
  entry(handle: number): View {
    const index = handle >>> 2;
    while (this.#pages.length * this.#perPage <= index) {
      if (this.#middle === undefined) {
        this.#middle = this.kernel.paged.pages(4096);
        this.kernel.space.setPointer(this.#middle, this.#pages[0]!);
        this.view.set('TableCode', this.#middle | 1n);
      }
      const page = this.kernel.paged.pages(4096);
      this.kernel.space.setPointer(this.#middle + BigInt(this.#pages.length * this.kernel.profile.pointerSize), page);
      this.#pages.push(page);
      this.view.set('NextHandleNeedingPool', this.#pages.length * this.#perPage * 4);
    }
    const at = this.#pages[Math.floor(index / this.#perPage)]! + BigInt((index % this.#perPage) * this.#size);
    return this.kernel.view('_HANDLE_TABLE_ENTRY', at);
  }

  /** @param target an object's header; in PspCidTable its body */
  put(handle: number, target: bigint, access = 0): void {
    const entry = this.entry(handle);
    if (this.kernel.space.rules.name === 'x64-la57') {
      // Its kernel's own layouts are in no table: 53 bits of the pointer from bit 11 on (ObDecodeShift).
      entry.space.setU64(entry.address, BigInt.asUintN(64, (target >> 4n) << 11n) | 1n);
      entry.set('GrantedAccessBits', access);
    } else if (entry.has('ObjectPointerBits')) {
      // Since 8: as many of the pointer's upper bits as there are, above its alignment; until then the pointer itself, its lock bit set.
      const aligned = this.kernel.profile.pointerSize === 4 ? 3n : 4n;
      entry.set('Unlocked', 1).set('RefCnt', 0x1f).set('ObjectPointerBits', target >> aligned).set('GrantedAccessBits', access);
    } else {
      entry.set('Value', target | 1n).set('GrantedAccess', access);
    }
    if (this.view.has('HandleCount')) this.view.set('HandleCount', this.view.get('HandleCount') + 1n);
  }
}
