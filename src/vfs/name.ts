import { createHash } from 'node:crypto';

/** The longest file name of Linux, in UTF-8 bytes (NAME_MAX). */
export const NAME_MAX = 255;

/**
 * What is written as `%XX`: the slash, controls (C0, DEL, C1), what turns a line or its direction, unpaired surrogates,
 * and a `%` before two upper-case hex digits, which would otherwise read as an escape.
 */
const UNSAFE = /[/\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\p{Surrogate}]|%(?=[0-9A-F]{2})/gu;
const PLAIN = /^[\x20-\x24\x26-\x2e\x30-\x7e]*$/;
const ESCAPES = /(?:%[0-9A-F]{2})+/g;

/** Whether the kernel takes it as one name in a directory. */
export function isFileName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name) && (name.length <= NAME_MAX / 3 || Buffer.byteLength(name) <= NAME_MAX);
}

/** UTF-8 bytes of one character; an unpaired surrogate as the three bytes it would have (WTF-8). */
function bytesOf(character: string): number[] {
  const code = character.codePointAt(0) ?? 0;
  if (code >= 0xd800 && code <= 0xdfff) return [0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)];
  return [...Buffer.from(character, 'utf8')];
}

function escapeCharacter(character: string): string {
  return bytesOf(character).map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}

/** At most `limit` UTF-8 bytes of `name`, cut between characters and never inside an escape. */
function cut(name: string, limit: number): string {
  const parts = name.match(/%[0-9A-F]{2}|./gsu) ?? [];
  let bytes = 0;
  let kept = '';
  for (const part of parts) {
    bytes += Buffer.byteLength(part);
    if (bytes > limit) break;
    kept += part;
  }
  return kept;
}

/**
 * The file name for an original name (a registry key, an object, a process), followed by `suffix` (`.txt`), which is ours and
 * stays as it is. Reversible by `unescapeName`: a character that a file name cannot hold, or that could act on a terminal, is
 * written as `%XX` for each of its UTF-8 bytes; `.` and `..` as `%2E` and `%2E%2E`; the empty name as `%` (and a name that
 * is only `%` as `%25`). Longer than 255 bytes: cut, then `~` and eight hex digits of the original's SHA-256; the caller keeps the original in an xattr.
 */
export function fileName(original: string, suffix = ''): string {
  let name: string;
  if (original === '') name = '%';
  else if (original === '%') name = '%25';
  else if (original === '.' || original === '..') name = original.replaceAll('.', '%2E');
  else name = PLAIN.test(original) ? original : original.replace(UNSAFE, escapeCharacter);
  const limit = NAME_MAX - Buffer.byteLength(suffix);
  if (Buffer.byteLength(name) > limit) {
    const digest = createHash('sha256').update(original, 'utf16le').digest('hex').slice(0, 8);
    name = `${cut(name, limit - 9)}~${digest}`;
  }
  return name + suffix;
}

/** Characters of WTF-8 bytes; undefined when they are no such. */
function charactersOf(bytes: Buffer): string | undefined {
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at] ?? 0;
    const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    if (length === 0 || at + length > bytes.length) return undefined;
    let code = length === 1 ? first : first & (0x7f >> length);
    for (let i = 1; i < length; i += 1) {
      const next = bytes[at + i] ?? 0;
      if ((next & 0xc0) !== 0x80) return undefined;
      code = (code << 6) | (next & 0x3f);
    }
    if (code > 0x10ffff) return undefined;
    text += String.fromCodePoint(code);
    at += length;
  }
  return text;
}

/** The original of a name that `fileName` made without cutting. Escapes that `fileName` never writes stay as they are. */
export function unescapeName(name: string): string {
  if (name === '%') return '';
  return name.replace(ESCAPES, (run) => charactersOf(Buffer.from(run.replaceAll('%', ''), 'hex')) ?? run);
}

/**
 * The same names, in the same order, each once: the first of equal names stays, those after it get `~2`, `~3`…,
 * passing over what is taken.
 */
export function uniqueNames(names: readonly string[]): string[] {
  const taken = new Set(names);
  if (taken.size === names.length) return [...names];
  const given = new Set<string>();
  const next = new Map<string, number>();
  return names.map((name) => {
    let unique = name;
    if (given.has(name)) {
      let number = next.get(name) ?? 2;
      do {
        const suffix = `~${number}`;
        unique = cut(name, NAME_MAX - suffix.length) + suffix;
        number += 1;
      } while (taken.has(unique));
      next.set(name, number);
      taken.add(unique);
    }
    given.add(unique);
    return unique;
  });
}
