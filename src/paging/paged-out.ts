/** Where the content of pages is read that a PTE calls paged out: page files that were given, the store of compressed pages. */
export interface PagedOut {
  /** What a page in this page file is: only a virtual store's pages are compressed ones. */
  kind(file: number): 'pagefile' | 'compressed';
  /** Whether `read` would give its bytes; cheap where that is known without reading them. */
  has(file: number, offset: number): boolean;
  /**
   * @param file number of the page file, as the PTE says
   * @param offset in pages, as the PTE says
   * @returns 4096 bytes that the caller does not change; undefined when they are not to be had
   */
  read(file: number, offset: number): Uint8Array | undefined;
  /** Gives up what is open on the host. */
  close?(): void;
}
