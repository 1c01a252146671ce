/** A section of a file to be. */
export interface FileSection {
  readonly name: string;
  /** The raw data; padded to FileAlignment. */
  readonly data: Uint8Array;
  /** Bytes in memory; as many as the raw data by default. */
  readonly virtualSize?: number;
  /** IMAGE_SCN_*; initialized data that is read by default. */
  readonly characteristics?: number;
}

/** An image file to be (PE format). */
export interface PeFileSpec {
  /** IMAGE_FILE_MACHINE_*. */
  readonly machine?: number;
  readonly is64?: boolean;
  readonly base?: bigint;
  readonly fileAlignment?: number;
  /** Below 4096 the file is mapped as it is, and raw data lie where they are mapped. */
  readonly sectionAlignment?: number;
  readonly sections: readonly FileSection[];
  /** By index of the data directory: where it is and how large. */
  readonly directories?: Readonly<Record<number, readonly [rva: number, size: number]>>;
  /** What follows the last section: certificates and the like, never mapped. */
  readonly overlay?: Uint8Array;
}

export const PE_OFFSET = 0x80;
const SECTION_ROW = 40;
const PAGE = 0x1000;

export const alignUp = (value: number, step: number): number => Math.ceil(value / step) * step;

/** Where the optional header's parts lie, by its width. */
export function headerPlaces(is64: boolean): { readonly directories: number; readonly sections: number } {
  const optional = PE_OFFSET + 0x18;
  return { directories: optional + (is64 ? 0x70 : 0x60), sections: optional + (is64 ? 0xf0 : 0xe0) };
}

/** The file as it lies on a disk. */
export function peFileBytes(spec: PeFileSpec): Buffer {
  const { machine = 0x8664, is64 = true, base = 0x1_8000_0000n, fileAlignment = 0x200, sectionAlignment = PAGE, sections, directories = {}, overlay } = spec;
  const places = headerPlaces(is64);
  const headerSize = alignUp(places.sections + sections.length * SECTION_ROW, fileAlignment);
  let raw = headerSize;
  let rva = alignUp(headerSize, sectionAlignment);
  const rows = sections.map(({ name, data, virtualSize = data.length, characteristics = 0x4000_0040 }) => {
    const rawSize = alignUp(data.length, fileAlignment);
    const row = { name, data, characteristics, rva, virtualSize, rawSize, raw: rawSize === 0 ? 0 : raw };
    raw += rawSize;
    rva += alignUp(Math.max(virtualSize, 1), sectionAlignment);
    return row;
  });
  const bytes = Buffer.alloc(raw + (overlay?.length ?? 0));
  bytes.write('MZ', 0, 'latin1');
  bytes.writeUInt32LE(PE_OFFSET, 0x3c);
  bytes.write('PE\0\0', PE_OFFSET, 'latin1');
  bytes.writeUInt16LE(machine, PE_OFFSET + 4);
  bytes.writeUInt16LE(sections.length, PE_OFFSET + 6);
  bytes.writeUInt32LE(0x5f12_3456, PE_OFFSET + 8);
  bytes.writeUInt16LE(is64 ? 0xf0 : 0xe0, PE_OFFSET + 0x14);
  bytes.writeUInt16LE(0x2022, PE_OFFSET + 0x16);
  const optional = PE_OFFSET + 0x18;
  bytes.writeUInt16LE(is64 ? 0x20b : 0x10b, optional);
  bytes.writeUInt32LE(rows[0]?.rva ?? 0, optional + 0x10);
  if (is64) bytes.writeBigUInt64LE(base, optional + 0x18);
  else bytes.writeUInt32LE(Number(base), optional + 0x1c);
  bytes.writeUInt32LE(sectionAlignment, optional + 0x20);
  bytes.writeUInt32LE(fileAlignment, optional + 0x24);
  bytes.writeUInt32LE(alignUp(rva, sectionAlignment), optional + 0x38);
  bytes.writeUInt32LE(headerSize, optional + 0x3c);
  bytes.writeUInt16LE(2, optional + 0x44);
  bytes.writeUInt32LE(16, optional + (is64 ? 0x6c : 0x5c));
  for (const [index, [at, size]] of Object.entries(directories)) {
    bytes.writeUInt32LE(at, places.directories + Number(index) * 8);
    bytes.writeUInt32LE(size, places.directories + Number(index) * 8 + 4);
  }
  rows.forEach((row, i) => {
    const at = places.sections + i * SECTION_ROW;
    bytes.write(row.name.slice(0, 8), at, 'latin1');
    bytes.writeUInt32LE(row.virtualSize, at + 8);
    bytes.writeUInt32LE(row.rva, at + 12);
    bytes.writeUInt32LE(row.rawSize, at + 16);
    bytes.writeUInt32LE(row.raw, at + 20);
    bytes.writeUInt32LE(row.characteristics, at + 36);
    bytes.set(row.data, row.raw);
  });
  if (overlay !== undefined) bytes.set(overlay, raw);
  return bytes;
}

/**
 * A file as the loader maps it: headers, and of each section whole pages of raw data at its address. Relocated addresses and bound
 * imports are not written: the bytes are those of the file.
 */
export function mappedImage(file: Buffer): Buffer {
  const nt = file.readUInt32LE(0x3c);
  const sectionTable = nt + 0x18 + file.readUInt16LE(nt + 0x14);
  const image = Buffer.alloc(alignUp(file.readUInt32LE(nt + 0x50), PAGE));
  if (file.readUInt32LE(nt + 0x38) < PAGE) {
    file.copy(image);
    return image;
  }
  file.copy(image, 0, 0, file.readUInt32LE(nt + 0x54));
  for (let i = 0; i < file.readUInt16LE(nt + 6); i += 1) {
    const row = sectionTable + i * SECTION_ROW;
    const [virtualSize, rva, rawSize, raw] = [8, 12, 16, 20].map((at) => file.readUInt32LE(row + at)) as [number, number, number, number];
    const length = Math.min(rawSize, alignUp(virtualSize === 0 ? rawSize : virtualSize, PAGE));
    if (raw !== 0) file.copy(image, rva, raw, raw + length);
  }
  return image;
}
