import type { TextQuery } from '../src/search/query.js';
import type { ScanFacts } from '../src/windows/pool.js';

/** What is searched: the virtual memory of the process whose _EPROCESS is at an address, or all physical memory. */
export type SearchScope = { readonly kind: 'process'; readonly address: bigint } | { readonly kind: 'physical' };

/** What is looked for. */
export type SearchQuestion =
  | { readonly kind: 'bytes'; readonly value: Uint8Array; readonly ignore: Uint8Array; readonly align: number }
  | TextQuery
  | { readonly kind: 'yara'; readonly rules: string };

export interface SearchOrder {
  readonly scope: SearchScope;
  readonly question: SearchQuestion;
  /** First and last address. */
  readonly min: bigint;
  readonly max: bigint;
}

/** The files of what was found, by extension; complete, and another set each time. */
export interface ResultFiles {
  readonly txt: string;
  readonly csv: string;
  readonly jsonl: string;
  /** The long form, of YARA. */
  readonly verbose: string | undefined;
  /** Bytes together. */
  readonly size: number;
}

/** How far a search is. */
export interface SearchProgress {
  /** Bytes looked through, of how many. */
  readonly scanned: number;
  readonly total: number;
  readonly at: bigint;
  readonly hits: number;
  /** Since it began, and of them those in which memory was looked through. */
  readonly milliseconds: number;
  readonly searching: number;
}

/** What the search worker is asked. */
export type SearchRequest =
  | { readonly kind: 'search'; readonly id: number; readonly order: SearchOrder; readonly folder: string }
  | { readonly kind: 'cancel'; readonly id: number }
  | { readonly kind: 'check'; readonly id: number; readonly rules: string }
  | { readonly kind: 'join'; readonly facts: ScanFacts };

/** What it says. A search ends with `ended`; `files` are what has been found so far, or in the end. */
export type SearchReport =
  | { readonly kind: 'progress'; readonly id: number; readonly progress: SearchProgress; readonly files: ResultFiles | undefined }
  | { readonly kind: 'ended'; readonly id: number; readonly progress: SearchProgress; readonly files: ResultFiles | undefined; readonly remark: string | undefined; readonly complete: boolean }
  | { readonly kind: 'failed'; readonly id: number; readonly sentence: string }
  | { readonly kind: 'checked'; readonly id: number; readonly sentence: string | undefined };

/** The most that one search finds. */
export const MAX_HITS = 65_536;

/** What the worker is started with. */
export interface SearchWorkerData<F> {
  readonly facts: F;
  /**
   * One word: the seconds of the clock at which an expression began on a piece of memory, 0 between. Who starts the worker ends it when
   * an expression takes too long, which nothing else can.
   */
  readonly watch: SharedArrayBuffer;
}
