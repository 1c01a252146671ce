import type { Anomalies } from '../bytes/anomaly.js';
import type { ModeName } from '../paging/mode.js';
import type { Diagnosis } from './diagnosis.js';
import type { KernelFacts } from './kernel.js';

/** What the user fixes of the steps of opening. */
export interface Overrides {
  /** Physical address of the top-level page table. */
  readonly dtb?: number | undefined;
  readonly kernelBase?: bigint | undefined;
  /** Paging mode. */
  readonly arch?: ModeName | undefined;
  /** `none`: no layouts at all, all is derived from the image. Else whose layouts to use: id of a bundled kernel, or a build (`19041`, `10.0.19041.388`). */
  readonly profile?: string | undefined;
}

/** A page file that belongs to the image. */
export interface PageFileOption {
  /** Its number, as PTEs name it: 0 for the first. */
  readonly number: number;
  /** The file on the host. */
  readonly path: string;
}

/** How an image is opened. But for `anomalies` and `onProgress` plain facts, so that every thread opens the same. */
export interface OpenOptions {
  /** Facts of an earlier opening of the same image; a search is needed only where they lead to no Windows. */
  readonly known?: KernelFacts | undefined;
  /** What the earlier opening wrote down; with it, and without `known`: nothing was recognised then, and nothing is searched now. */
  readonly diagnosis?: Diagnosis | undefined;
  /** Where the model adds its own. */
  readonly anomalies?: Anomalies | undefined;
  /** How many processes remember what was read of them; more for a pass that asks all of them again and again. */
  readonly remembered?: number | undefined;
  readonly overrides?: Overrides | undefined;
  /** Page files that belong to the image. */
  readonly pageFiles?: readonly PageFileOption[] | undefined;
  /** Folders with symbol files, in the order they are looked into. */
  readonly symbolFolders?: readonly string[] | undefined;
  /** The folder where finished symbols are kept, and symbol files may lie too; undefined: nothing is kept. */
  readonly symbolCache?: string | undefined;
  /** False: only what needs no pass over the image is tried. */
  readonly search?: boolean | undefined;
  /** Told 0 to 100 while all of the image is looked through. */
  readonly onProgress?: ((percent: number) => void) | undefined;
}
