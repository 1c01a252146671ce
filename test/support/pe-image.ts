/** A section to be. */
export interface SectionSpec {
  readonly name: string;
  readonly rva: number;
  readonly size: number;
  /** IMAGE_SCN_*; code by default. */
  readonly characteristics?: number;
}

/** A PE image to be, as the loader lays it out in memory. */
export interface PeSpec {
  readonly sizeOfImage: number;
  readonly base?: bigint;
  readonly is64?: boolean;
  /** IMAGE_FILE_HEADER.Machine; says the width too. */
  readonly machine?: number;
  readonly dll?: boolean;
  /** IMAGE_SUBSYSTEM_*; of a program with windows by default. */
  readonly subsystem?: number;
  readonly entry?: number;
  readonly timestamp?: number;
  readonly sections?: readonly SectionSpec[];
  readonly exports?: { readonly rva: number; readonly name: string; readonly functions: Readonly<Record<string, number>> };
  /** `symbolFile` is GUID and age as symbol stores write them: 32 digits, `-`, hex age. */
  readonly codeView?: { readonly rva: number; readonly symbolFile: string; readonly path: string };
}

/** Bytes and where they belong in the image. */
export interface Piece {
  readonly rva: number;
  readonly bytes: Buffer;
}

const CODE = 0x6000_0020;

/** The headers, export directory and CodeView record of a PE image (PE format, "Overview"), for placing in memory. */
export function peImage(spec: PeSpec): Piece[] {
  const pieces: Piece[] = [{ rva: 0, bytes: headers(spec) }];
  if (spec.exports !== undefined) pieces.push({ rva: spec.exports.rva, bytes: exportBytes(spec.exports) });
  if (spec.codeView !== undefined) pieces.push({ rva: spec.codeView.rva, bytes: debugBytes(spec.codeView) });
  return pieces;
}

/** The GUID's bytes from its 32 digits ([MS-DTYP] 2.3.4.2). */
export function guidBytes(digits: string): Buffer {
  const straight = Buffer.from(digits, 'hex');
  return Buffer.concat([
    straight.subarray(0, 4).reverse(), straight.subarray(4, 6).reverse(), straight.subarray(6, 8).reverse(), straight.subarray(8),
  ]);
}

function headers({ machine, is64 = machine !== 0x14c, subsystem = 2, dll = false, base = 0n, entry = 0, timestamp = 0x5f00_0000, sizeOfImage, sections = [], exports, codeView }: PeSpec): Buffer {
  const page = Buffer.alloc(0x1000);
  page.write('MZ', 0, 'latin1');
  const nt = 0x80;
  page.writeUInt32LE(nt, 0x3c);
  page.write('PE\0\0', nt, 'latin1');
  page.writeUInt16LE(machine ?? (is64 ? 0x8664 : 0x14c), nt + 4);
  page.writeUInt16LE(sections.length, nt + 6);
  page.writeUInt32LE(timestamp, nt + 8);
  const optional = is64 ? 0xf0 : 0xe0;
  page.writeUInt16LE(optional, nt + 0x14);
  page.writeUInt16LE(0x22 | (dll ? 0x2000 : 0), nt + 0x16);
  page.writeUInt16LE(is64 ? 0x20b : 0x10b, nt + 0x18);
  page.writeUInt32LE(entry, nt + 0x28);
  if (is64) page.writeBigUInt64LE(base, nt + 0x30);
  else page.writeUInt32LE(Number(base), nt + 0x34);
  page.writeUInt32LE(0x1000, nt + 0x38);
  page.writeUInt32LE(0x200, nt + 0x3c);
  page.writeUInt32LE(sizeOfImage, nt + 0x50);
  page.writeUInt32LE(0x400, nt + 0x54);
  page.writeUInt16LE(subsystem, nt + 0x5c);
  page.writeUInt32LE(16, nt + (is64 ? 0x84 : 0x74));
  const directories = nt + (is64 ? 0x88 : 0x78);
  if (exports !== undefined) {
    page.writeUInt32LE(exports.rva, directories);
    page.writeUInt32LE(exportBytes(exports).length, directories + 4);
  }
  if (codeView !== undefined) {
    page.writeUInt32LE(codeView.rva, directories + 6 * 8);
    page.writeUInt32LE(28, directories + 6 * 8 + 4);
  }
  sections.forEach(({ name, rva, size, characteristics = CODE }, i) => {
    const at = nt + 0x18 + optional + i * 40;
    page.write(name.slice(0, 8), at, 'latin1');
    page.writeUInt32LE(size, at + 8);
    page.writeUInt32LE(rva, at + 12);
    page.writeUInt32LE(size, at + 16);
    page.writeUInt32LE(rva, at + 20);
    page.writeUInt32LE(characteristics, at + 36);
  });
  return page;
}

/** `IMAGE_EXPORT_DIRECTORY`, its three tables and the names, sorted as the loader's search needs them. */
function exportBytes({ rva, name, functions }: NonNullable<PeSpec['exports']>): Buffer {
  const sorted = Object.entries(functions).sort(([a], [b]) => (a < b ? -1 : 1));
  const count = sorted.length;
  const tables = 40;
  const texts = tables + count * 10;
  const strings = [name, ...sorted.map(([text]) => text)].map((text) => Buffer.from(`${text}\0`, 'latin1'));
  const bytes = Buffer.alloc(texts + strings.reduce((sum, text) => sum + text.length, 0));
  bytes.writeUInt32LE(1, 0x10);
  bytes.writeUInt32LE(count, 0x14);
  bytes.writeUInt32LE(count, 0x18);
  bytes.writeUInt32LE(rva + tables, 0x1c);
  bytes.writeUInt32LE(rva + tables + count * 4, 0x20);
  bytes.writeUInt32LE(rva + tables + count * 8, 0x24);
  let at = texts;
  strings.forEach((text, i) => {
    bytes.set(text, at);
    if (i === 0) bytes.writeUInt32LE(rva + at, 0xc);
    else bytes.writeUInt32LE(rva + at, tables + count * 4 + (i - 1) * 4);
    at += text.length;
  });
  sorted.forEach(([, target], i) => {
    bytes.writeUInt32LE(target, tables + i * 4);
    bytes.writeUInt16LE(i, tables + count * 8 + i * 2);
  });
  return bytes;
}

/** One `IMAGE_DEBUG_DIRECTORY` entry of type CodeView, and its `RSDS` record behind it. */
function debugBytes({ rva, symbolFile, path }: NonNullable<PeSpec['codeView']>): Buffer {
  const [digits = '', age = '1'] = symbolFile.split('-');
  const record = Buffer.concat([Buffer.from('RSDS', 'latin1'), guidBytes(digits), Buffer.alloc(4), Buffer.from(`${path}\0`, 'latin1')]);
  record.writeUInt32LE(Number.parseInt(age, 16), 20);
  const entry = Buffer.alloc(28);
  entry.writeUInt32LE(2, 12);
  entry.writeUInt32LE(record.length, 16);
  entry.writeUInt32LE(rva + 28, 20);
  entry.writeUInt32LE(rva + 28, 24);
  return Buffer.concat([entry, record]);
}
