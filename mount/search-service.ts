import type { ResultFiles, SearchProgress, SearchQuestion, SearchScope } from './memory-search-protocol.js';
import type { SearchKind } from './memory-search-results.js';

/** `WAITING`: another search runs first. `STOPPED`: not everything was looked through, and the remark says why. */
export type SearchState = 'NOT_STARTED' | 'WAITING' | 'RUNNING' | 'COMPLETED' | 'STOPPED' | 'CANCELLED' | 'FAILED';

/** What a search is told before it starts. */
export interface SearchSettings {
  /** First and last address; undefined: all there is. */
  min: bigint | undefined;
  max: bigint | undefined;
  /** Hits begin at multiples of this. */
  align: number;
  /** Bits of the bytes that do not matter. */
  skip: Uint8Array;
}

/** The searches of one kind through one process, or through physical memory: one at a time. */
export interface ScopeSearch {
  readonly settings: SearchSettings;
  /** What was written, as it is shown. */
  readonly query: string;
  readonly state: SearchState;
  readonly progress: SearchProgress;
  readonly remark: string | undefined;
  /** What has been found so far; undefined: nothing was asked yet. */
  readonly files: ResultFiles | undefined;
  /**
   * Looks for something, in place of what was looked for before.
   * @param limits the first and last address where the settings say none
   */
  start(query: string, question: SearchQuestion, limits: { readonly min: bigint; readonly max: bigint }): void;
  /** Ends what runs, and forgets what was found and set. */
  reset(): void;
}

/** Runs searches through memory in a worker, which lives while there is something to do. */
export interface SearchService {
  /** The same answer at every call, until there have been too many others. */
  searches(scope: SearchScope, kind: SearchKind): ScopeSearch;
  /** What is wrong with YARA rules, as a sentence. */
  problemOf(rules: string): Promise<string | undefined>;
  close(): Promise<void>;
}
