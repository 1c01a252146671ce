/** Little-endian UTF-16 without its trailing NUL characters. Unpaired surrogates are kept as they are. */
export function utf16(bytes: Uint8Array): string {
  const even = bytes.length & ~1;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, even).toString('utf16le');
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 0) end -= 1;
  return text.slice(0, end);
}

/** Up to the first NUL, each byte one character (the kernel's 8-bit names). */
export function ascii(bytes: Uint8Array): string {
  let end = bytes.indexOf(0);
  if (end < 0) end = bytes.length;
  return Buffer.from(bytes.buffer, bytes.byteOffset, end).toString('latin1');
}
