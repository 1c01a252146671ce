/** What is looked for as text. */
export type TextQuery =
  | { readonly kind: 'text'; readonly text: string; readonly ignoreCase: boolean }
  | { readonly kind: 'regex'; readonly source: string; readonly flags: string };

/** The longest text that is looked for, in characters; a query of megabytes is a mistake. */
export const MAX_QUERY = 4096;
/** What may stand behind a regular expression; all of its matches are found with or without `g`. */
const FLAGS = /^[imsg]*$/;

/**
 * Reads a query: a line of text, or `/expression/flags` as JavaScript writes it. A text between slashes with the flag `i` is how letters
 * of both cases are looked for.
 * @returns the query, or what is wrong with it, as a sentence
 */
export function textQuery(written: string): TextQuery | string {
  const line = written.replace(/\r?\n$/, '');
  if (line.length > MAX_QUERY) return `The query has ${line.length} characters; ${MAX_QUERY} is the most.`;
  if (/[\r\n]/.test(line)) return 'The query has more than one line.';
  if (line === '') return 'The query is empty; write a text or /a regular expression/.';
  const expression = /^\/(.+)\/([a-z]*)$/s.exec(line) ?? undefined;
  if (expression === undefined) return { kind: 'text', text: line, ignoreCase: false };
  const [, source = '', flags = ''] = expression;
  if (!FLAGS.test(flags)) return `The flags ${flags} are not known here; i, m and s are.`;
  // Plain letters need no engine: this is many times as fast.
  if (/^[\w \-@:,;!#%&'"<>=~]+$/.test(source)) return { kind: 'text', text: source, ignoreCase: flags.includes('i') };
  const made = regularExpression({ source, flags });
  if (typeof made === 'string') return made;
  return made.test('') ? 'The expression fits an empty text, and so everything; make it ask for at least one character.' : { kind: 'regex', source, flags };
}

/** The expression as it is used, or what is wrong with it. */
export function regularExpression({ source, flags }: { readonly source: string; readonly flags: string }): RegExp | string {
  try {
    return new RegExp(source, [...new Set(`g${flags}`)].join(''));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return `${error.message}.`;
  }
}

/** The longest pattern of bytes. */
export const MAX_BYTES = 4096;

/**
 * Reads bytes written in hex: `4d5a9000`, `4d 5a 90 00`, `4d 5a ?? 0?` (a `?` fits every digit).
 * @returns the bytes and which of their bits do not matter, or what is wrong, as a sentence
 */
export function hexBytes(written: string): { readonly value: Uint8Array; readonly ignore: Uint8Array } | string {
  const digits = written.replace(/^\s*0x/i, '').replaceAll(/\s+/g, '');
  if (digits === '') return 'There are no bytes to look for; write them in hex, such as 4d5a9000.';
  if (!/^[0-9a-f?]*$/i.test(digits)) return 'Bytes are written in hex, such as 4d5a9000.';
  if (digits.length % 2 !== 0) return 'A byte has two digits; one is missing.';
  if (digits.length > 2 * MAX_BYTES) return `There are ${digits.length / 2} bytes; ${MAX_BYTES} is the most.`;
  const length = digits.length / 2;
  const value = new Uint8Array(length);
  const ignore = new Uint8Array(length);
  for (let i = 0; i < length; i += 1) {
    const pair = digits.slice(2 * i, 2 * i + 2);
    value[i] = parseInt(pair.replaceAll('?', '0'), 16);
    ignore[i] = parseInt(pair.replaceAll(/[^?]/g, '0').replaceAll('?', 'f'), 16);
  }
  return { value, ignore };
}
