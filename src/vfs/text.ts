import type { About, BytesFile } from './node.js';

const PLAIN = /^[\x20-\x7e]*$/;
/** C0 but tab and newline, DEL, C1, line and paragraph separators, bidirectional controls, unpaired surrogates. */
const HARMFUL = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\p{Surrogate}]/gu;
/** The same with tab and newline. */
const HARMFUL_IN_LINE = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\p{Surrogate}]/gu;

function escaped(character: string): string {
  const code = character.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/**
 * Text of an image made harmless on a terminal: what could act or mislead becomes `\x1b` or `\u202e`.
 * Newlines and tabs stay, and so does the backslash, since Windows paths are full of them.
 */
export function safeText(text: string): string {
  return PLAIN.test(text) ? text : text.replace(HARMFUL, escaped);
}

/** As `safeText`, for what must stay on one line: newlines and tabs are escaped too. */
export function safeLine(text: string): string {
  return PLAIN.test(text) ? text : text.replace(HARMFUL_IN_LINE, escaped);
}

/** A small UTF-8 file; its text is made harmless. Undefined gives an empty file. */
export function text(produce: () => string | undefined, about: About & { readonly mime?: string } = {}): BytesFile {
  return { ...about, kind: 'bytes', cost: 'quick', render: () => Buffer.from(safeText(produce() ?? ''), 'utf8') };
}
