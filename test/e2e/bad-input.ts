import assert from 'node:assert/strict';
import { test } from 'node:test';

/** The words of a command, its exit code, and what its sentence says. */
export type BadInput = readonly [words: readonly string[], code: number, sentence: RegExp];

/** Each case ends with its exit code and one sentence, never with a stack. @param folder left out of the tests' names */
export function badInputTests(cases: readonly BadInput[], folder: string, memlens: (...words: string[]) => { readonly code: number | undefined; readonly err: string }): void {
  for (const [words, code, sentence] of cases) {
    test(words.map((word) => word.replace(folder, '…')).join(' '), () => {
      const done = memlens(...words);
      assert.equal(done.code, code, done.err);
      assert.match(done.err, sentence);
      assert.ok(done.err.trim().split('\n').length <= 2, done.err);
      assert.doesNotMatch(done.err, /\n\s+at /);
    });
  }
}
