/** An item of the shell: size, class type, content. */
export function item(type: number, content: Buffer): Buffer {
  const head = Buffer.alloc(3);
  head.writeUInt16LE(3 + content.length, 0);
  head.writeUInt8(type, 2);
  return Buffer.concat([head, content]);
}

/** A folder of the shell by its GUID's bytes in hex. */
export function folderItem(guid: string): Buffer {
  return item(0x1f, Buffer.concat([Buffer.from([0x50]), Buffer.from(guid, 'hex')]));
}

export function driveItem(name: string): Buffer {
  return item(0x2f, Buffer.from(`${name}${'\0'.repeat(19)}`, 'latin1'));
}

export function networkItem(name: string): Buffer {
  return item(0x42, Buffer.from(`\0\0${name}\0`, 'latin1'));
}

export interface FileToWrite {
  /** 0x31 a directory, 0x32 a file; with 0x04 the name is UTF-16. */
  readonly type: number;
  readonly short: string;
  readonly long?: string;
  /** Of the extension block: 3 Windows XP, 7 Vista, 8 7, 9 8.1 and later. */
  readonly version?: number;
  readonly size?: number;
  /** Date and time of MS-DOS. */
  readonly created?: readonly [number, number];
  readonly modified?: readonly [number, number];
  readonly mft?: bigint;
  readonly sequence?: number;
}

/** A file or directory with its extension block. */
export function fileItem({ type, short, long, version = 9, size = 0, created = [0, 0], modified = [0, 0], mft = 0n, sequence = 0 }: FileToWrite): Buffer {
  const head = Buffer.alloc(11);
  head.writeUInt32LE(size, 1);
  head.writeUInt16LE(modified[0], 5);
  head.writeUInt16LE(modified[1], 7);
  const wide = (type & 4) !== 0;
  const name = Buffer.from(`${short}\0`, wide ? 'utf16le' : 'latin1');
  const padded = Buffer.concat([name, Buffer.alloc((14 + name.length) % 2)]);
  if (long === undefined) return item(type, Buffer.concat([head, padded]));
  const fixed = Buffer.alloc(version >= 7 ? 0x24 : 0x12);
  fixed.writeUInt16LE(version, 2);
  fixed.writeUInt32LE(0xbeef0004, 4);
  fixed.writeUInt16LE(created[0], 8);
  fixed.writeUInt16LE(created[1], 10);
  if (version >= 7) {
    fixed.writeBigUInt64LE(mft, 0x14);
    fixed.writeUInt16LE(sequence, 0x1a);
  }
  const between = Buffer.alloc(2 + (version >= 9 ? 4 : 0) + (version >= 8 ? 4 : 0));
  const where = Buffer.alloc(2);
  where.writeUInt16LE(14 + padded.length);
  const block = Buffer.concat([fixed, between, Buffer.from(`${long}\0`, 'utf16le'), where]);
  block.writeUInt16LE(block.length, 0);
  return item(type, Buffer.concat([head, padded, block]));
}

/** Buffers of random lengths and bytes, the same for the same seed. */
export function* randomBytes(count: number, seed: number): Generator<Buffer> {
  let state = seed >>> 0;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 16;
  };
  for (let n = 0; n < count; n += 1) yield Buffer.from(Array.from({ length: next() % 160 }, () => next() & 255));
}
