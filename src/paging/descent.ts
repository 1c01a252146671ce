import type { PagedMemory } from './address-space.js';
import type { PagingMode } from './mode.js';
import type { PagedOut } from './paged-out.js';
import type { PteFormat } from './pte-format.js';
import { PAGEFILE } from './pte.js';

const PAGE = 4096;
/** In place of a last-level table: none was made, so that the VAD is asked; it is not to be had. */
export const [UNTOUCHED, LOST] = [-3, -4] as const;

/** The way down the page tables of one address space, for one page. Tables may be valid, in transition or paged out. */
export class Descent {
  /** Where the top-level table begins: its frame, and its first word in that frame (a PDPT may lie anywhere in one). */
  readonly root: number;
  readonly rootWord: number;
  readonly #words: number;

  /**
   * @param dtb physical address of the top-level table
   * @param pagedOut where pages are read that were written out
   */
  constructor(
    private readonly physical: PagedMemory, private readonly mode: PagingMode, private readonly format: PteFormat, dtb: number,
    private readonly pagedOut: () => PagedOut | undefined,
  ) {
    this.root = Math.floor(dtb / PAGE);
    this.rootWord = Math.floor((dtb % PAGE) / mode.tableAlign) * (mode.tableAlign / 4);
    this.#words = mode.entryBytes / 4;
  }

  /** The last-level table of a page, or the frame when a large page maps it, or UNTOUCHED or LOST. */
  leaf(vpn: number): Uint32Array | number {
    const { levels, large, largeValue } = this.mode;
    let words = this.physical.page(this.root);
    let first = this.rootWord;
    for (let depth = 0; depth < levels.length - 1; depth += 1) {
      if (words === undefined) return LOST;
      const { shift, bits, leaf, present } = levels[depth]!;
      const index = first + (Math.floor(vpn / 2 ** shift) % 2 ** bits) * this.#words;
      const entry = words[index]!;
      const high = this.#words === 2 ? words[index + 1]! : 0;
      first = 0;
      if ((entry & present) !== present) {
        if (this.format.isEmpty(entry, high)) return UNTOUCHED;
        words = this.softwareTable(entry, high);
        continue;
      }
      if (leaf && (entry & large) === largeValue) return this.format.largeFrame(entry, high, shift) + (vpn % 2 ** shift);
      words = this.physical.page(this.format.frame(entry, high));
    }
    return words ?? LOST;
  }

  /** The first page number behind `vpn` that may be there, when its own page is not. */
  absentUntil(vpn: number): number {
    const { levels } = this.mode;
    let words = this.physical.page(this.root);
    let first = this.rootWord;
    for (const { shift, bits, present } of levels) {
      const next = (Math.floor(vpn / 2 ** shift) + 1) * 2 ** shift;
      if (words === undefined || shift === 0) return next;
      const index = first + (Math.floor(vpn / 2 ** shift) % 2 ** bits) * this.#words;
      const entry = words[index]!;
      const high = this.#words === 2 ? words[index + 1]! : 0;
      words = (entry & present) === present ? this.physical.page(this.format.frame(entry, high)) : this.softwareTable(entry, high);
      if (words === undefined) return next;
      first = 0;
    }
    return vpn + 1;
  }

  /** The content of a page whose entry is not valid: of a process that was trimmed it lies in its frame still, or was written out. */
  softwareTable(low: number, high: number): Uint32Array | undefined {
    const frame = this.format.settledFrame(low, high);
    return frame >= 0 ? this.physical.page(frame) : this.awayTable(low, high);
  }

  /** The content of a page that its entry calls paged out, as words. */
  awayTable(low: number, high: number): Uint32Array | undefined {
    const pagedOut = this.pagedOut();
    if (pagedOut === undefined || this.format.softwareKind(low, high) !== PAGEFILE) return undefined;
    const bytes = pagedOut.read(this.format.pagefileNumber(low), this.format.pagefileOffset(low, high));
    if (bytes === undefined) return undefined;
    return bytes.byteOffset % 4 === 0 ? new Uint32Array(bytes.buffer, bytes.byteOffset, PAGE / 4) : new Uint32Array(Uint8Array.from(bytes).buffer);
  }

  /** A page as words, by its own entry: prototypes are not followed, so that no chain of them arises. */
  page(vpn: number): Uint32Array | undefined {
    const found = this.leaf(vpn);
    if (typeof found === 'number') return found < 0 ? undefined : this.physical.page(found);
    const index = (vpn % 2 ** this.mode.levels.at(-1)!.bits) * this.#words;
    return this.softwareTable(found[index]!, this.#words === 2 ? found[index + 1]! : 0);
  }
}
