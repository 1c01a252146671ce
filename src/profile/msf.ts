import { FormatError } from '../bytes/errors.js';

/** A file, or what stands for one. */
export interface ByteSource {
  /** Bytes. */
  readonly size: number;
  /** All `length` bytes; undefined when the file ends before. */
  read(offset: number, length: number): Buffer | undefined;
}

/** Bytes in memory as a file. */
export function bytesSource(bytes: Buffer): ByteSource {
  return { size: bytes.length, read: (offset, length) => (offset + length <= bytes.length ? bytes.subarray(offset, offset + length) : undefined) };
}

const MAGIC = Buffer.from('Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0', 'latin1');
const SUPER_BLOCK = 56;
const BLOCK_SIZES = [512, 1024, 2048, 4096, 8192, 16384, 32768];
const MOST_FILE = 512 << 20;
const MOST_STREAM = 256 << 20;
const MOST_DIRECTORY = 32 << 20;
const MOST_STREAMS = 0x1_0000;
const DELETED = 0xffff_ffff;

/** The first bytes tell a file of this kind. */
export function isMsf(start: Buffer): boolean {
  return start.length >= MAGIC.length && MAGIC.equals(start.subarray(0, MAGIC.length));
}

interface Stream {
  readonly size: number;
  /** Where its block numbers begin in the directory. */
  readonly blocks: number;
}

/**
 * A multi-stream file, version 7: the container of a PDB. Streams lie in blocks that a directory lists; a stream is read when it is asked for.
 * Layout: llvm.org/docs/PDB/MsfFile.html
 */
export class Msf {
  readonly #directory: Buffer;
  readonly #streams: Stream[] = [];
  readonly #blockSize: number;
  readonly #blockCount: number;

  /** @throws FormatError when the file is none, or cut off */
  constructor(private readonly source: ByteSource) {
    const head = source.read(0, SUPER_BLOCK);
    if (head === undefined || !isMsf(head)) throw new FormatError('the file is no PDB of version 7');
    this.#blockSize = head.readUInt32LE(32);
    if (!BLOCK_SIZES.includes(this.#blockSize)) throw new FormatError(`a PDB with blocks of ${this.#blockSize} bytes`);
    const claimed = head.readUInt32LE(40);
    if (source.size > MOST_FILE) throw new FormatError(`a PDB of more than ${MOST_FILE} bytes`);
    this.#blockCount = Math.floor(source.size / this.#blockSize);
    if (claimed > this.#blockCount) throw new FormatError(`the PDB is cut off: ${claimed} blocks of ${this.#blockSize} bytes do not fit into ${source.size} bytes`);
    this.#directory = this.#readDirectory(head.readUInt32LE(44));
    this.#list();
  }

  /** The bytes of a stream; undefined when there is none of this number. @throws FormatError when it is longer than can be */
  stream(index: number): Buffer | undefined {
    const stream = this.#streams[index];
    return stream === undefined ? undefined : this.#bytes(stream, stream.size);
  }

  /** The first bytes of a stream, at most `length`. */
  start(index: number, length: number): Buffer | undefined {
    const stream = this.#streams[index];
    return stream === undefined ? undefined : this.#bytes(stream, Math.min(stream.size, length));
  }

  /** The directory's own blocks are listed in blocks, which the super block lists. */
  #readDirectory(size: number): Buffer {
    if (size < 4 || size > MOST_DIRECTORY || size > this.source.size) throw new FormatError(`a PDB with a directory of ${size} bytes`);
    const listSize = Math.ceil(size / this.#blockSize) * 4;
    const listBlocks = Math.ceil(listSize / this.#blockSize);
    const roots = this.source.read(52, listBlocks * 4);
    if (roots === undefined || 52 + listBlocks * 4 > this.#blockSize) throw new FormatError('a PDB whose directory has no place');
    return this.#gather(this.#gather(roots, 0, listSize), 0, size);
  }

  #list(): void {
    const directory = this.#directory;
    const count = directory.readUInt32LE(0);
    if (count > MOST_STREAMS || 4 + count * 4 > directory.length) throw new FormatError(`a PDB with ${count} streams`);
    let blocks = 4 + count * 4;
    for (let i = 0; i < count; i += 1) {
      const claimed = directory.readUInt32LE(4 + i * 4);
      const size = claimed === DELETED ? 0 : claimed;
      if (size > this.source.size) throw new FormatError(`the PDB's stream ${i} is longer than the file`);
      this.#streams.push({ size, blocks });
      blocks += Math.ceil(size / this.#blockSize) * 4;
      if (blocks > directory.length) throw new FormatError(`the PDB's directory ends before stream ${i}`);
    }
  }

  #bytes({ size, blocks }: Stream, wanted: number): Buffer {
    if (size > MOST_STREAM) throw new FormatError(`a PDB with a stream of ${size} bytes`);
    return this.#gather(this.#directory, blocks, wanted);
  }

  /** Reads `size` bytes from the blocks that are listed from `at` on; neighbours at once. */
  #gather(list: Buffer, at: number, size: number): Buffer {
    const out = Buffer.alloc(size);
    const block = this.#blockSize;
    for (let done = 0; done < size;) {
      const first = list.readUInt32LE(at);
      let blocks = 1;
      while (done + blocks * block < size && list.readUInt32LE(at + blocks * 4) === first + blocks) blocks += 1;
      const length = Math.min(blocks * block, size - done);
      const bytes = first + blocks > this.#blockCount ? undefined : this.source.read(first * block, length);
      if (bytes === undefined) throw new FormatError(`the PDB names block ${first + blocks - 1}, which is beyond its end`);
      bytes.copy(out, done);
      done += length;
      at += blocks * 4;
    }
    return out;
  }
}
