/** The text of an IPv4 address of four bytes, or of an IPv6 address of sixteen by RFC 5952 (no brackets). */
export function ipText(bytes: Uint8Array): string {
  return bytes.length === 4 ? bytes.join('.') : ipv6Text(bytes);
}

/** RFC 5952: lower case, no leading zeros, the longest (first of equals) run of two or more zero groups as `::`; mapped IPv4 as in section 5. */
function ipv6Text(bytes: Uint8Array): string {
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0));
  const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (mapped) return `::ffff:${bytes.slice(12, 16).join('.')}`;
  const { start, length } = longestZeros(groups);
  const digits = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  return length < 2 ? digits(groups) : `${digits(groups.slice(0, start))}::${digits(groups.slice(start + length))}`;
}

function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let length = 0;
  groups.forEach((group, i) => {
    length = group === 0 ? length + 1 : 0;
    if (length > best.length) best = { start: i - length + 1, length };
  });
  return best;
}
