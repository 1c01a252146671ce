import { setImmediate } from 'node:timers/promises';
import { loadYara, type YaraRule } from '../native-bindings/yara.js';
import { FormatError } from '../src/bytes/errors.js';
import type { Run, SparseMemory } from '../src/bytes/memory.js';
import type { PagedMemory } from '../src/paging/address-space.js';
import { byteMatcher } from '../src/search/byte-matcher.js';
import type { Matcher } from '../src/search/matcher.js';
import { bytePattern, textPatterns } from '../src/search/pattern.js';
import { pieces, type Piece } from '../src/search/pieces.js';
import { regularExpression } from '../src/search/query.js';
import { regexMatcher } from '../src/search/regex-matcher.js';
import { units } from '../src/search/yara-units.js';
import { CONTEXT, CONTEXT_BEFORE, type Hit, type HitOwner } from '../src/tables/search.js';
import { frameOwners } from '../src/windows/frame-owner.js';
import { Regions } from '../src/windows/region.js';
import type { Process } from '../src/windows/process.js';
import type { Windows } from '../src/windows/windows.js';
import { MAX_HITS, type SearchOrder, type SearchProgress, type SearchQuestion } from './memory-search-protocol.js';

/** What is searched in. */
export interface SearchedImage {
  readonly windows: Windows | undefined;
  readonly physical: PagedMemory;
}

/** Who runs a search, seen from it. */
export interface SearchRunner {
  /** Nobody wants it any more. */
  cancelled(): boolean;
  /** Told now and then. */
  progress(progress: SearchProgress): void;
  /** Told now and then, less often the longer it takes, what has been found so far. */
  found(hits: readonly Hit[]): void;
  /** An expression begins on a piece of memory, or has ended on it. */
  watch(busy: boolean): void;
}

export interface SearchOutcome {
  readonly hits: readonly Hit[];
  readonly progress: SearchProgress;
  /** It went to the end. */
  readonly complete: boolean;
  /** Why it did not, or what is not as asked. */
  readonly remark: string | undefined;
}

const PAGE = 4096;
/** Other requests are looked at so often. */
const BREATH_MS = 10;
const REPORT_MS = 100;
const FIRST_FOUND_MS = 300;
/** Runs counted between two breaths. */
const COUNTED = 10_000;
/** Tables of a hostile image map the same frames again and again: no more of them is searched. */
const MOST_OF_IMAGE = 16;
const LEAST = 2 ** 28;
const YARA_PIECE = 8 << 20;
/** What YARA finds across a border of two pieces is at most so long. */
const YARA_OVERLAP = 1 << 16;
const YARA_MATCHES = 4096;

/** A hit before it is known who has its memory. */
interface Found extends Omit<Hit, 'owner'> {
  owner?: HitOwner | undefined;
}

/** A part of an address space. */
interface Part {
  readonly memory: SparseMemory<bigint>;
  readonly start: bigint;
  readonly end: bigint;
}

/**
 * Searches, in pieces with a breath between them.
 * @throws FormatError when the process is not known; Error for rules that do not compile
 */
export async function runSearch(image: SearchedImage, order: SearchOrder, runner: SearchRunner): Promise<SearchOutcome> {
  return new Search(image, order, runner).run();
}

class Search {
  readonly #hits: Found[] = [];
  readonly #process: Process | undefined;
  readonly #regions: Regions | undefined;
  readonly #started = performance.now();
  #scanned = 0;
  #total = 0;
  #at = 0n;
  #remark: string | undefined;
  #full = false;
  /** When all memory had been looked through. */
  #searched: number | undefined;
  #breath = performance.now();
  #reported = performance.now();
  #nextFound = FIRST_FOUND_MS;
  #known = 0;

  constructor(private readonly image: SearchedImage, private readonly order: SearchOrder, private readonly runner: SearchRunner) {
    const { scope } = order;
    if (scope.kind === 'physical') return;
    this.#process = image.windows?.processes().find(({ address }) => address === scope.address);
    if (this.#process === undefined) throw new FormatError('the process is not known any more', scope.address);
    this.#regions = new Regions(this.#process);
  }

  async run(): Promise<SearchOutcome> {
    const parts = this.#parts();
    const most = Math.max(LEAST, MOST_OF_IMAGE * this.image.physical.size);
    let whole = await this.#count(parts, most);
    if (whole) whole = this.order.question.kind === 'yara' ? await this.#rules(parts, this.order.question.rules) : await this.#match(parts, matcherOf(this.order.question));
    this.#searched = performance.now();
    if (this.order.scope.kind === 'physical' && !this.runner.cancelled()) await this.#owners();
    this.#name();
    return { hits: this.#sorted(), progress: this.#progress(), complete: whole, remark: this.#remark };
  }

  /** User space, and of System the kernel too; or physical memory. */
  #parts(): readonly Part[] {
    const clip = ({ memory, start, end }: Part): Part => ({
      memory, start: this.order.min > start ? this.order.min : start, end: this.order.max < end ? this.order.max + 1n : end,
    });
    const process = this.#process;
    const all: Part[] = [];
    if (process === undefined) all.push({ memory: asVirtual(this.image.physical), start: 0n, end: BigInt(this.image.physical.size) });
    else {
      const { memory } = process;
      const { kernelStart, lastAddress } = memory.mode;
      all.push({ memory, start: 0n, end: kernelStart });
      if (process.pid === 4) all.push({ memory, start: kernelStart, end: lastAddress + 1n });
    }
    return all.map(clip).filter(({ start, end }) => start < end);
  }

  /** Counts what there is to look through. @returns false when it is to end */
  async #count(parts: readonly Part[], most: number): Promise<boolean> {
    let runs = 0;
    for (const { memory, start, end } of parts) {
      for (const { length } of memory.runs(start, end)) {
        this.#total += length;
        runs += 1;
        if (runs % COUNTED === 0 && !await this.#breathe()) return false;
      }
    }
    if (this.#total > most) {
      this.#remark = `Its page tables name ${(this.#total / 2 ** 20).toFixed(0)} MiB, many times what the image holds; only the first ${(most / 2 ** 20).toFixed(0)} MiB are searched.`;
      this.#total = most;
    }
    return true;
  }

  async #match(parts: readonly Part[], matcher: Matcher): Promise<boolean> {
    const { question } = this.order;
    const align = question.kind === 'bytes' ? BigInt(question.align) : 1n;
    const watched = question.kind === 'regex';
    for (const { memory, start, end } of parts) {
      const sizes = { piece: matcher.piece, before: Math.max(matcher.before, CONTEXT_BEFORE), after: Math.max(matcher.after, CONTEXT) };
      for (const piece of pieces(memory, start, end, sizes)) {
        this.#at = piece.address + BigInt(piece.from);
        if (!piece.absent) this.#find(matcher, piece, align, watched);
        this.#scanned += piece.to - piece.from;
        if (!this.#mayGoOn()) return false;
        if (!await this.#breathe()) return false;
      }
    }
    return true;
  }

  #find(matcher: Matcher, { bytes, end, from, to, address }: Piece<bigint>, align: bigint, watched: boolean): void {
    if (watched) this.runner.watch(true);
    matcher.find(bytes, end, from, to, (offset, length, encoding) => {
      const at = address + BigInt(offset);
      if (align !== 1n && at % align !== 0n) return true;
      return this.#add({ address: at, length, encoding, ...contextAt(bytes, offset, end) });
    });
    if (watched) this.runner.watch(false);
  }

  async #rules(parts: readonly Part[], source: string): Promise<boolean> {
    const yara = loadYara();
    if (typeof yara === 'string') throw new Error(yara);
    const problem = yara.problem(source);
    if (problem !== undefined) throw new Error(problem);
    const scanner = yara.compile(source, YARA_MATCHES);
    const starts = this.#process?.vads().map(({ start }) => start) ?? [];
    const buffer = Buffer.from(new ArrayBuffer(YARA_OVERLAP + YARA_PIECE));
    let cut = false;
    for (const { memory, start, end } of parts) {
      for (const unit of units(clipped(memory.runs(start, end), start, end), starts)) {
        const length = Number(unit.end - unit.start);
        for (let at = 0; at < length; at += YARA_PIECE) {
          const lead = Math.min(at, YARA_OVERLAP);
          const bytes = buffer.subarray(0, lead + Math.min(YARA_PIECE, length - at));
          const address = unit.start + BigInt(at - lead);
          this.#at = address;
          const missing = memory.fill(address, bytes);
          if (missing < bytes.length) {
            for (const rule of scanner.scan(bytes)) {
              cut ||= rule.matches.length >= YARA_MATCHES;
              if (!this.#addRule(rule, address, bytes, lead)) return false;
            }
          }
          this.#scanned += missing === bytes.length ? bytes.length : Math.max(0, bytes.length - lead - missing);
          if (!this.#mayGoOn() || !await this.#breathe()) return false;
        }
      }
    }
    if (cut) this.#remark ??= `A pattern matched more than ${YARA_MATCHES} times in one piece of memory; the rest of these are left out.`;
    return true;
  }

  /** @param lead bytes that an earlier piece has had too: what lies in them is known */
  #addRule({ rule: name, tags, meta, matches }: YaraRule, address: bigint, bytes: Buffer, lead: number): boolean {
    const about = { name, tags, meta };
    if (matches.length === 0) return lead > 0 || this.#add({ address, length: 0, ...contextAt(bytes, 0, bytes.length), rule: { ...about, pattern: undefined } });
    return matches.every(({ pattern, offset, length }) => offset + length <= lead
      || this.#add({ address: address + BigInt(offset), length, ...contextAt(bytes, offset, bytes.length), rule: { ...about, pattern } }));
  }

  #add(hit: Found): boolean {
    if (this.#hits.length >= MAX_HITS) {
      this.#full = true;
      this.#remark = `Stopped at ${MAX_HITS} hits: ask for something rarer, or set addr-min.txt and addr-max.txt.`;
      return false;
    }
    this.#hits.push(hit);
    return true;
  }

  #mayGoOn(): boolean {
    return !this.#full && this.#scanned <= this.#total;
  }

  /** Who maps the frames that hits lie in. */
  async #owners(): Promise<void> {
    const { windows } = this.image;
    if (windows === undefined || this.#hits.length === 0) return;
    const frames = new Set(this.#hits.map(({ address }) => Math.floor(Number(address) / PAGE)));
    const search = frameOwners(windows.processes(), frames);
    for (let step = search.next(); ; step = search.next()) {
      if (step.done === true) {
        for (const hit of this.#hits) {
          const owner = step.value.get(Math.floor(Number(hit.address) / PAGE));
          if (owner === undefined) continue;
          const address = owner.page + (hit.address % BigInt(PAGE));
          hit.owner = { pid: owner.process.pid, process: owner.process.name, address, region: owner.regionAt(address) };
        }
        return;
      }
      if (!await this.#breathe()) return;
    }
  }

  /** What lies around the hits of a process. */
  #name(): void {
    const process = this.#process;
    if (process === undefined) return;
    for (; this.#known < this.#hits.length; this.#known += 1) {
      const hit = this.#hits[this.#known]!;
      hit.owner = { pid: process.pid, process: process.name, address: hit.address, region: this.#regions?.at(hit.address) };
    }
  }

  #sorted(): readonly Hit[] {
    return [...this.#hits].sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
  }

  #progress(): SearchProgress {
    const now = performance.now();
    return { scanned: this.#scanned, total: this.#total, at: this.#at, hits: this.#hits.length, milliseconds: now - this.#started, searching: (this.#searched ?? now) - this.#started };
  }

  /** Lets other requests in, and tells how far it is. @returns false when it is to end */
  async #breathe(): Promise<boolean> {
    if (this.runner.cancelled()) return false;
    const now = performance.now();
    if (now - this.#breath < BREATH_MS) return true;
    await setImmediate();
    if (this.runner.cancelled()) return false;
    if (now - this.#reported >= REPORT_MS) {
      this.runner.progress(this.#progress());
      this.#reported = now;
    }
    if (now - this.#started >= this.#nextFound && this.#hits.length > 0) {
      this.#name();
      this.runner.found(this.#sorted());
      this.#nextFound = 2 * (performance.now() - this.#started);
    }
    this.#breath = performance.now();
    return true;
  }
}

function matcherOf(question: Exclude<SearchQuestion, { kind: 'yara' }>): Matcher {
  switch (question.kind) {
    case 'bytes': return byteMatcher([bytePattern(question.value, question.ignore)]);
    case 'text': return byteMatcher(textPatterns(question.text, question.ignoreCase));
    case 'regex': {
      const expression = regularExpression(question);
      if (typeof expression === 'string') throw new Error(expression);
      return regexMatcher(expression);
    }
  }
}

function contextAt(bytes: Buffer, offset: number, end: number): Pick<Hit, 'context' | 'before'> {
  const before = Math.min(CONTEXT_BEFORE, offset);
  return { before, context: new Uint8Array(bytes.subarray(offset - before, Math.min(end, offset - before + CONTEXT))) };
}

/** Runs are of whole pages; a search is of what was asked for. */
function* clipped(runs: Iterable<Run<bigint>>, start: bigint, end: bigint): Generator<Run<bigint>> {
  for (const run of runs) {
    const from = run.start > start ? run.start : start;
    const last = run.start + BigInt(run.length);
    const to = last < end ? last : end;
    if (from < to) yield { start: from, length: Number(to - from) };
  }
}

/** Physical memory by addresses of the same kind as virtual memory, so that one search knows both. */
function asVirtual(physical: PagedMemory): SparseMemory<bigint> {
  return {
    read: (address, length) => physical.read(Number(address), length),
    fill: (address, target) => physical.fill(Number(address), target),
    *runs(start, end) {
      for (const run of physical.runs(Number(start), Number(end))) yield { start: BigInt(run.start), length: run.length };
    },
  };
}
