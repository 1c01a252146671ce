import { readFileSync } from 'node:fs';
import { loadYara } from '../../native-bindings/yara.js';
import { hexBytes, textQuery } from '../../src/search/query.js';
import { csvOf, jsonlOf } from '../../src/vfs/table.js';
import { EXIT, UserError } from '../exit-codes.js';
import type { SearchQuestion, SearchScope } from '../memory-search-protocol.js';
import { kindOfSearch, resultTable, resultText } from '../memory-search-results.js';
import { runSearch } from '../memory-search-run.js';
import type { OpenedTree } from '../tree/root.js';
import { writeAll } from './output.js';

/** What `memlens search` is asked. */
export interface SearchFlags {
  /** Its virtual memory; undefined: all physical memory. */
  readonly pid?: number;
  /** The pattern is bytes in hex. */
  readonly hex?: true;
  /** A file with YARA rules, in place of a pattern. */
  readonly yara?: string;
  readonly csv?: true;
  readonly json?: true;
}

/** `memlens search`: what a search finds, as a table, CSV or JSONL. @throws UserError for what cannot be searched */
export async function search({ opened }: OpenedTree, pattern: string | undefined, flags: SearchFlags, onProgress: (percent: number) => void): Promise<string | undefined> {
  const { windows, image } = opened;
  const question = questionOf(pattern, flags);
  const process = flags.pid === undefined ? undefined : windows?.process(flags.pid);
  if (flags.pid !== undefined && process === undefined) throw new UserError(`There is no process ${flags.pid}; \`memlens ls IMAGE /pid\` shows which there are.`, EXIT.path);
  const scope: SearchScope = process === undefined ? { kind: 'physical' } : { kind: 'process', address: process.address };
  const order = { scope, question, min: 0n, max: 2n ** 64n - 1n };
  const { hits, remark } = await runSearch({ windows, physical: image.memory }, order, {
    cancelled: () => false,
    progress: ({ scanned, total }) => onProgress(total === 0 ? 0 : (scanned / total) * 100),
    found: () => undefined,
    watch: () => undefined,
  });
  const kind = kindOfSearch(order);
  const table = resultTable(kind, scope.kind === 'physical');
  writeAll(1, flags.csv === true ? csvOf(table, hits) : flags.json === true ? jsonlOf(table, hits) : resultText(kind, scope.kind === 'physical', hits));
  return remark;
}

function questionOf(pattern: string | undefined, { hex, yara }: SearchFlags): SearchQuestion {
  if (yara !== undefined) return { kind: 'yara', rules: rulesIn(yara) };
  if (pattern === undefined) throw new UserError('search takes a text, /a regular expression/, bytes with --hex, or --yara FILE.', EXIT.usage);
  if (hex === true) {
    const bytes = hexBytes(pattern);
    if (typeof bytes === 'string') throw new UserError(bytes, EXIT.usage);
    return { kind: 'bytes', ...bytes, align: 1 };
  }
  const query = textQuery(pattern);
  if (typeof query === 'string') throw new UserError(query, EXIT.usage);
  return query;
}

function rulesIn(file: string): string {
  const yara = loadYara();
  if (typeof yara === 'string') throw new UserError(yara, EXIT.usage);
  try {
    const rules = readFileSync(file, 'utf8');
    const problem = yara.problem(rules);
    if (problem !== undefined) throw new UserError(`${file}: ${problem}`, EXIT.usage);
    return rules;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || error instanceof UserError) throw error;
    throw new UserError(`${file} cannot be read (${code}).`, EXIT.usage);
  }
}
