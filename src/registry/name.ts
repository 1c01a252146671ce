/** Upper case as the registry compares names: character by character, so that a length never changes. */
export function upcase(name: string): string {
  const upper = name.toUpperCase();
  if (upper.length === name.length) return upper;
  let folded = '';
  for (let i = 0; i < name.length; i += 1) {
    const character = name.charAt(i);
    const raised = character.toUpperCase();
    folded += raised.length === 1 ? raised : character;
  }
  return folded;
}

/** The names of a key path, without empty ones. */
export function pathNames(path: string): string[] {
  return path.split('\\').filter((name) => name !== '');
}

/** A name as a cell holds it: Latin-1 when compressed, else UTF-16. */
export function cellName(bytes: Buffer, start: number, length: number, compressed: boolean): string {
  return compressed ? bytes.toString('latin1', start, start + length) : bytes.toString('utf16le', start, start + (length & ~1));
}
