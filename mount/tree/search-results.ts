import { listing } from '../../src/vfs/directory.js';
import type { BytesFile, Directory, Node } from '../../src/vfs/node.js';
import { csvOf, jsonlOf } from '../../src/vfs/table.js';
import { spooled } from '../../src/vfs/spooled.js';
import { resultTable, resultText, rulesText, type SearchKind } from '../memory-search-results.js';
import type { SearchOf } from './search.js';

const MIME = { txt: 'text/plain', csv: 'text/csv', jsonl: 'application/x-ndjson' } as const;

/**
 * A directory of control files with the result of their search: `result.txt` with its twins, of YARA `result-v.txt` too. The worker writes
 * results as files; while there are none, empty ones stand in their place.
 */
export function resultDirectory(controls: Readonly<Record<string, Node>>, search: SearchOf, kind: SearchKind, physical: boolean, doc: string): Directory {
  const table = resultTable(kind, physical);
  const empty: Readonly<Record<string, () => Uint8Array>> = {
    txt: () => resultText(kind, physical, []), csv: () => csvOf(table, []), jsonl: () => jsonlOf(table, []), verbose: () => rulesText([]),
  };
  const about = (what: string) => ({ doc: what, volatile: true });
  const result = (extension: 'txt' | 'csv' | 'jsonl'): Node => {
    const path = search()?.files?.[extension];
    const mime = MIME[extension];
    if (path !== undefined) return { ...spooled(path, { ...about(table.doc), mime }), table };
    return nothing(empty[extension]!, mime, table.doc, table);
  };
  const verbose = (): Node => {
    const path = search()?.files?.verbose;
    const what = 'the same by rule, with tags and meta';
    return path === undefined ? nothing(empty['verbose']!, MIME.txt, what, undefined) : spooled(path, about(what));
  };
  const rows: Readonly<Record<string, () => Node>> = {
    ...Object.fromEntries(Object.entries(controls).map(([name, node]) => [name, () => node])),
    'result.txt': () => result('txt'),
    ...(kind === 'yara' ? { 'result-v.txt': verbose } : {}),
  };
  const hidden: Readonly<Record<string, () => Node>> = { 'result.csv': () => result('csv'), 'result.jsonl': () => result('jsonl') };
  const names = Object.keys(rows).sort();
  return listing({
    * entries() {
      for (const name of names) yield [name, rows[name]!()] as const;
    },
    lookup: (name) => (Object.hasOwn(rows, name) ? rows[name]!() : Object.hasOwn(hidden, name) ? hidden[name]!() : undefined),
  }, { doc, volatile: true });
}

function nothing(render: () => Uint8Array, mime: string, doc: string, table: BytesFile['table']): BytesFile {
  return { kind: 'bytes', cost: 'quick', volatile: true, render, mime, doc, table };
}
