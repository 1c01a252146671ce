// Compares two readings of one build, field by field.

/** @returns counts, and the paths of what differs */
export function agreement(first, second) {
  const result = { structs: 0, fields: 0, sizes: [], offsets: [], bits: [] };
  for (const [name, [size, fields]] of Object.entries(first)) {
    const other = second[name];
    if (other === undefined) continue;
    result.structs += 1;
    if (size !== other[0]) result.sizes.push(`${name} ${size}/${other[0]}`);
    const known = new Map(other[1].map((field) => [field[0], field]));
    for (const [path, offset, type] of fields) {
      const same = known.get(path);
      if (same === undefined) continue;
      result.fields += 1;
      if (same[1] !== offset) result.offsets.push(`${name}.${path} ${offset}/${same[1]}`);
      else if (/:\d+,\d+$/.exec(type)?.[0] !== /:\d+,\d+$/.exec(same[2])?.[0]) result.bits.push(`${name}.${path} ${type}/${same[2]}`);
    }
  }
  return result;
}
