/** A single character is everywhere. */
const LEAST = 2;

/**
 * The longest text that every match of an expression holds; undefined where none is sure. Looks at what stands outside of groups and
 * classes only, and at nothing where there are alternatives: a text that is too short costs time, a wrong one would cost matches.
 */
export function requiredText(source: string): string | undefined {
  let best = '';
  let run = '';
  const end = (): void => {
    if (run.length > best.length) best = run;
    run = '';
  };
  for (let i = 0; i < source.length;) {
    const character = source[i]!;
    const quantifier = /^(?:[*?]|\{\d*,?\d*\})\??/.exec(source.slice(i, i + 24))?.[0];
    if (character === '|') return undefined;
    if (quantifier !== undefined) {
      // The last character may be there any number of times, none too.
      run = run.slice(0, -1);
      end();
      i += quantifier.length;
    } else if (character === '[') {
      end();
      i = afterClass(source, i);
    } else if (character === '(') {
      end();
      i = afterGroup(source, i);
    } else if (character === '\\') {
      const escaped = source[i + 1] ?? '';
      if (/[!-/:-@[-`{-~]/.test(escaped)) {
        run += escaped;
        i += 2;
      } else {
        end();
        i += escapeLength(source.slice(i, i + 12));
      }
    } else if (/[\w \-:;,=@!#%&~<>"'/]/.test(character)) {
      run += character;
      i += 1;
    } else {
      end();
      i += 1;
    }
  }
  end();
  return best.length >= LEAST ? best : undefined;
}

/** `\x41`, `\u0041`, `\cA`, `\12`, `\k<name>`, or two characters. */
function escapeLength(escape: string): number {
  return /^\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|c[a-z]|\d+|k<[^>]*>?|.)/is.exec(escape)?.[0].length ?? 2;
}

function afterClass(source: string, start: number): number {
  for (let i = start + 1; i < source.length; i += 1) {
    if (source[i] === '\\') i += 1;
    else if (source[i] === ']') return i + 1;
  }
  return source.length;
}

function afterGroup(source: string, start: number): number {
  let depth = 0;
  for (let i = start; i < source.length;) {
    const character = source[i];
    if (character === '[') {
      i = afterClass(source, i);
      continue;
    }
    if (character === '(') depth += 1;
    if (character === ')') depth -= 1;
    i += character === '\\' ? 2 : 1;
    if (depth === 0) return i;
  }
  return source.length;
}
