/** Lower-case hex digits, at least `width` of them, without `0x`. */
export function hex(value: bigint | number, width = 0): string {
  return value.toString(16).padStart(width, '0');
}

/** Offset, sixteen bytes in hex and as ASCII a line: `0000  4d 5a …   MZ…`. Lines end in a newline. */
export function hexAscii(bytes: Uint8Array): string {
  const lines: string[] = [];
  const width = bytes.length > 0x10000 ? 8 : 4;
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.subarray(at, at + 16);
    let digits = '';
    let ascii = '';
    for (let i = 0; i < 16; i += 1) {
      const byte = row[i];
      digits += byte === undefined ? '   ' : `${hex(byte, 2)} `;
      if (i === 7) digits += ' ';
      if (byte !== undefined) ascii += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
    }
    lines.push(`${hex(at, width)}  ${digits}  ${ascii}\n`);
  }
  return lines.join('');
}
