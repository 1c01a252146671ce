/** What a strict reader of image files takes from one. */
export interface ReadPe {
  readonly machine: number;
  readonly sections: readonly { readonly name: string; readonly rva: number; readonly data: Buffer }[];
  exports(): readonly string[];
  /** `module!name` or `module!#ordinal`. */
  imports(): readonly string[];
}

const isPower = (value: number): boolean => value > 0 && (value & (value - 1)) === 0;

function check(holds: boolean, rule: string): void {
  if (!holds) throw new Error(`not a PE file: ${rule}`);
}

/**
 * Reads an image file from its bytes alone, by offset in the file, and holds it against the rules of the PE format. It shares nothing with the
 * code that reads images in memory, so that what that code rebuilds has an independent judge.
 * @param size of the file, when no more than its headers are given; then only they are judged
 * @throws Error with the rule that is broken
 */
export function readPe(file: Buffer, size = file.length): ReadPe {
  const u16 = (at: number): number => file.readUInt16LE(at);
  const u32 = (at: number): number => file.readUInt32LE(at);
  check(file.length >= 0x40 && u16(0) === 0x5a4d, 'it begins with MZ');
  const nt = u32(0x3c);
  check(nt + 0x18 <= file.length && u32(nt) === 0x4550, 'e_lfanew leads to PE\\0\\0');
  const magic = u16(nt + 0x18);
  check(magic === 0x10b || magic === 0x20b, 'the magic is that of PE32 or PE32+');
  const wide = magic === 0x20b;
  const optional = nt + 0x18;
  const count = u16(nt + 6);
  const table = optional + u16(nt + 0x14);
  const [sectionAlignment, fileAlignment, sizeOfImage, sizeOfHeaders] = [u32(optional + 0x20), u32(optional + 0x24), u32(optional + 0x38), u32(optional + 0x3c)];
  check(isPower(sectionAlignment) && isPower(fileAlignment) && fileAlignment <= sectionAlignment, 'alignments are powers of two, that of the file the smaller');
  check(count <= 96, 'it has 96 sections at most');
  check(table + count * 40 <= size && sizeOfHeaders <= size, 'the section table and the headers lie in the file');
  let next = 0;
  const sections = Array.from({ length: count }, (_, i) => {
    const row = table + i * 40;
    const [virtualSize, rva, rawSize, raw] = [u32(row + 8), u32(row + 12), u32(row + 16), u32(row + 20)];
    check(rva % sectionAlignment === 0 && rva >= next, 'sections lie at aligned addresses, ascending');
    next = rva + (virtualSize === 0 ? rawSize : virtualSize);
    check(next <= sizeOfImage, 'sections end within SizeOfImage');
    check(raw % fileAlignment === 0 && rawSize % fileAlignment === 0, 'raw data are aligned');
    check(rawSize === 0 || raw + rawSize <= size, 'raw data lie in the file');
    return { name: file.toString('latin1', row, row + 8).split('\0')[0] ?? '', rva, rawSize, raw, data: file.subarray(raw, raw + rawSize) };
  });
  const directories = u32(optional + (wide ? 0x6c : 0x5c));
  check(directories <= 16, 'it has 16 data directories at most');
  /** Offset in the file of an address. */
  const place = (rva: number): number => {
    if (rva < sizeOfHeaders) return rva;
    const section = sections.find((one) => rva >= one.rva && rva < one.rva + one.rawSize);
    if (section === undefined) throw new Error(`not a PE file: 0x${rva.toString(16)} lies in a section`);
    return section.raw + rva - section.rva;
  };
  const text = (rva: number): string => {
    const at = place(rva);
    return file.toString('latin1', at, file.indexOf(0, at));
  };
  const directory = (index: number): number => (index < directories ? u32(optional + (wide ? 0x70 : 0x60) + index * 8) : 0);
  return { machine: u16(nt + 4), sections: sections.map(({ name, rva, data }) => ({ name, rva, data })), exports: () => [...exported()], imports: () => [...imported()] };

  function* exported(): Generator<string> {
    const rva = directory(0);
    if (rva === 0) return;
    const at = place(rva);
    for (let i = 0; i < u32(at + 0x18); i += 1) yield text(u32(place(u32(at + 0x20)) + i * 4));
  }

  function* imported(): Generator<string> {
    const rva = directory(1);
    for (let at = rva === 0 ? -1 : place(rva); at >= 0 && u32(at + 12) !== 0; at += 20) {
      const module = text(u32(at + 12));
      for (let slot = place(u32(at)); ; slot += wide ? 8 : 4) {
        const low = u32(slot);
        const high = wide ? u32(slot + 4) : 0;
        if (low === 0 && high === 0) break;
        yield (wide ? high : low) >= 0x8000_0000 ? `${module}!#${low & 0xffff}` : `${module}!${text(low + 2)}`;
      }
    }
  }
}
