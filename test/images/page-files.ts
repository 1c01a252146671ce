import { createHash } from 'node:crypto';
import type { Windows } from '../../src/windows/windows.js';
import { compare, type Comparison } from './comparison.js';
import type { Truth } from './truth.js';

const PAGE = 4096;

/**
 * The sampled pages that were written out, by the hashes of their bytes: those of the page file that was given are read, the others are
 * missing, and states and runs say the same as reads.
 * @param given whether page file 0 was given
 */
export function comparePageFiles(windows: Windows, truth: Truth, given: boolean): Comparison {
  const [want, got]: string[][] = [[], []];
  for (const { pid, va, kind, sha256 } of truth.page_samples) {
    if (kind !== 'pagefile') continue;
    const readable = given && sha256 !== undefined;
    want?.push(`${pid} ${va.toString(16)} pagefile ${readable ? sha256 : 'missing'} ${readable}`);
    const memory = windows.process(pid)?.memory;
    if (memory === undefined) continue;
    const page = va & ~0xfffn;
    const bytes = memory.read(page, PAGE);
    const [state, ...others] = memory.states(page, page + 0x1000n);
    const runs = [...memory.runs(page, page + 0x1000n)].reduce((sum, { length }) => sum + length, 0) === PAGE;
    if (state === undefined || others.length > 0 || state.readable !== runs) continue;
    got?.push(`${pid} ${va.toString(16)} ${state.kind} ${bytes === undefined ? 'missing' : createHash('sha256').update(bytes).digest('hex')} ${state.readable}`);
  }
  return compare(given ? 'pages of the page file' : 'pages without page file', want ?? [], got ?? []);
}
