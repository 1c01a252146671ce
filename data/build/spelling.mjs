// One spelling for the types of all sources: the one of the exact kernels ("unsigned long", "*_EPROCESS", "unsigned char[16]", "unsigned long:4,3").

const PLAIN = {
  VOID: 'void', CHAR: 'char', UCHAR: 'unsigned char', BOOLEAN: 'unsigned char', WCHAR: 'wchar', SHORT: 'short', USHORT: 'unsigned short', INT: 'int', UINT: 'unsigned int',
  LONG: 'long', ULONG: 'unsigned long', LONGLONG: 'long long', ULONGLONG: 'unsigned long long', FLOAT: 'float', DOUBLE: 'double',
  UINT8: 'unsigned char', UINT16: 'unsigned short', UINT32: 'unsigned long', UINT64: 'unsigned long long',
  // The names of C#, as the layouts of 26100 spell them; there `long` has 8 bytes.
  byte: 'unsigned char', sbyte: 'char', ushort: 'unsigned short', uint: 'unsigned long', ulong: 'unsigned long long', IntPtr: '*void',
};
/** C# only: what C spells the same with another meaning. */
const SHARP = { ...PLAIN, long: 'long long', int: 'long' };
const C = { ...PLAIN, enum: 'long' };

/** @param {string} spelled @param {boolean} [sharp] spelled as in C# */
export function spelling(spelled, sharp = false) {
  const [, body, dimensions, bits] = /^(.*?)((?:\[-?\d+\])*)(:\d+,\d+)?$/.exec(spelled);
  // `_X *volatile` and `VOID **volatile` are pointers spelled behind the type; `*const UCHAR` and `_X volatile` only say more of it.
  const words = body.replace(/\b(const|volatile)\b/g, ' ').replaceAll(/\s+/g, ' ').trim();
  const stars = [...words].filter((character) => character === '*').join('');
  const base = words.replaceAll('*', '').trim();
  return `${stars}${(sharp ? SHARP : C)[base] ?? base}${dimensions}${bits ?? ''}`;
}
