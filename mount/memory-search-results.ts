import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hex } from '../src/bytes/hex.js';
import {
  BYTES_FOUND, contextText, metaText, STRINGS_FOUND, STRINGS_FOUND_PHYSICAL, YARA_FOUND, YARA_FOUND_PHYSICAL, type Hit,
} from '../src/tables/search.js';
import type { Table } from '../src/vfs/column.js';
import { csvOf, jsonlOf, textOf } from '../src/vfs/table.js';
import { safeLine, safeText } from '../src/vfs/text.js';
import type { ResultFiles, SearchOrder } from './memory-search-protocol.js';

/** What kind of search a result is of: `bin` bytes, `strings` texts and expressions, `yara` rules. */
export type SearchKind = 'bin' | 'strings' | 'yara';

/** The table that shows what a search found. */
export function resultTable(kind: SearchKind, physical: boolean): Table<Hit> {
  switch (kind) {
    case 'bin': return BYTES_FOUND;
    case 'strings': return physical ? STRINGS_FOUND_PHYSICAL : STRINGS_FOUND;
    case 'yara': return physical ? YARA_FOUND_PHYSICAL : YARA_FOUND;
  }
}

/** `result.txt`: of bytes an address a line, else the table. */
export function resultText(kind: SearchKind, physical: boolean, hits: readonly Hit[]): Buffer {
  if (kind === 'bin') return Buffer.from(hits.map(({ address }) => `${hex(address, 16)}\n`).join(''), 'latin1');
  return textOf(resultTable(kind, physical), hits);
}

/** `result-v.txt` of YARA: a paragraph a rule, and in it a line a match. */
export function rulesText(hits: readonly Hit[]): Buffer {
  const byRule = new Map<string, Hit[]>();
  for (const hit of hits) {
    const name = hit.rule?.name ?? '';
    const list = byRule.get(name);
    if (list === undefined) byRule.set(name, [hit]);
    else list.push(hit);
  }
  const parts = [...byRule].map(([name, its]) => {
    const { tags = [], meta = {} } = its[0]?.rule ?? {};
    const lines = its.map((hit) => safeLine([
      `  ${hex(hit.address, 16)}`, hit.rule?.pattern ?? '(condition)', `${hit.length} bytes`,
      hit.owner === undefined ? '' : `${hit.owner.process}-${hit.owner.pid} ${hex(hit.owner.address, 16)} ${hit.owner.region ?? ''}`.trimEnd(), contextText(hit),
    ].filter((part) => part !== '').join('  ')));
    return safeText([`rule  ${safeLine(name)}`, `tags  ${safeLine(tags.join(' '))}`, `meta  ${safeLine(metaText(meta))}`, `hits  ${its.length}`, ...lines, ''].join('\n'));
  });
  return Buffer.from(parts.join('\n'), 'utf8');
}

export function kindOfSearch({ question }: SearchOrder): SearchKind {
  return question.kind === 'bytes' ? 'bin' : question.kind === 'yara' ? 'yara' : 'strings';
}

/** Writes all forms of a result; each call makes files of their own. */
export function writeResults(folder: string, name: string, order: SearchOrder, hits: readonly Hit[]): ResultFiles {
  const kind = kindOfSearch(order);
  const physical = order.scope.kind === 'physical';
  const table = resultTable(kind, physical);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  let size = 0;
  const write = (extension: string, bytes: Buffer): string => {
    const path = join(folder, `${name}.${extension}`);
    writeFileSync(path, bytes, { mode: 0o600 });
    size += bytes.length;
    return path;
  };
  const txt = write('txt', resultText(kind, physical, hits));
  const csv = write('csv', csvOf(table, hits));
  const jsonl = write('jsonl', jsonlOf(table, hits));
  const verbose = kind === 'yara' ? write('verbose.txt', rulesText(hits)) : undefined;
  return { txt, csv, jsonl, verbose, size };
}
