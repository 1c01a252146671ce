/** Bytes that are looked for. A byte fits when it equals `value` in all bits that `ignore` leaves. */
export interface Pattern {
  readonly value: Uint8Array;
  /** As long as `value`; set bits do not matter. */
  readonly ignore: Uint8Array;
  /** How the text is written there; undefined: it is no text. */
  readonly encoding: Encoding | undefined;
}

export type Encoding = 'ascii' | 'utf16';

/** The bit in which an ASCII letter's two cases differ; those of the Latin-1 letters too. */
const CASE = 0x20;

/** Exact bytes. */
export function bytePattern(value: Uint8Array, ignore: Uint8Array = new Uint8Array(value.length), encoding?: Encoding): Pattern {
  return { value, ignore, encoding };
}

/**
 * A text as UTF-8 (ASCII where it is that) and as UTF-16LE.
 * @param ignoreCase letters of ASCII fit in both cases, in UTF-16 those of Latin-1 too
 */
export function textPatterns(text: string, ignoreCase: boolean): readonly Pattern[] {
  const narrow = Buffer.from(text, 'utf8');
  const wide = Buffer.from(text, 'utf16le');
  return [
    bytePattern(narrow, Uint8Array.from(narrow, (byte) => (ignoreCase && byte < 0x80 && hasCase(byte) ? CASE : 0)), 'ascii'),
    bytePattern(wide, Uint8Array.from(wide, (byte, i) => (ignoreCase && i % 2 === 0 && wide[i + 1] === 0 && hasCase(byte) ? CASE : 0)), 'utf16'),
  ];
}

/** Whether the two cases of a Latin-1 letter differ in the one bit. */
function hasCase(code: number): boolean {
  const character = String.fromCharCode(code);
  const [lower, upper] = [character.toLowerCase(), character.toUpperCase()];
  return lower !== upper && lower.length === 1 && upper.length === 1 && (lower.charCodeAt(0) ^ upper.charCodeAt(0)) === CASE;
}
