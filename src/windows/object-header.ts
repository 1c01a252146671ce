import { big, fastRef, number, optional, place, struct, type RecordOf } from '../profile/struct.js';
import type { Kernel } from './kernel.js';

/** Two forms: Windows 7 and later say by an index and a mask what XP to Vista say by a pointer and by offsets. */
const HEADER = struct('_OBJECT_HEADER', {
  pointers: big('PointerCount'),
  handleCount: number('HandleCount'),
  typeIndex: optional(number('TypeIndex')),
  infoMask: optional(number('InfoMask')),
  type: optional(big('Type')),
  // How far before the header the optional headers begin; 0: there is none.
  nameOffset: optional(number('NameInfoOffset')),
  handleOffset: optional(number('HandleInfoOffset')),
  quotaOffset: optional(number('QuotaInfoOffset')),
  flags: optional(number('Flags')),
  security: optional(fastRef('SecurityDescriptor')),
  body: place('Body'),
});

type HeaderRecord = RecordOf<typeof HEADER>;

/** Optional headers in the order of InfoMask's bits. The profile knows the size of those that it names; the others have never had another. */
const OPTIONAL: readonly (readonly [struct: string, size64: number])[] = [
  ['_OBJECT_HEADER_CREATOR_INFO', 0x20], ['_OBJECT_HEADER_NAME_INFO', 0x20], ['_OBJECT_HEADER_HANDLE_INFO', 0x10],
  ['_OBJECT_HEADER_QUOTA_INFO', 0x20], ['_OBJECT_HEADER_PROCESS_INFO', 0x10], ['_OBJECT_HEADER_AUDIT_INFO', 0x10],
  ['_OBJECT_HEADER_EXTENDED_INFO', 0x10],
];
/** Bits of `InfoMask`. The optional headers lie before the object header in this order, the last one farthest away. */
const CREATOR_INFO = 0x1;
const NAME_INFO = 0x2;
/** A gap of unknown length before the optional headers. */
const PADDING = 0x80;
/** Bit of `Flags` until Vista: creator info lies right before the header (OB_FLAG_CREATOR_INFO). */
const FLAG_CREATOR_INFO = 0x4;

/** What an object header says, whatever the build's form. */
export interface HeaderFacts {
  readonly pointers: bigint;
  readonly handleCount: number;
  /** As written, before it is decoded; undefined until Vista. */
  readonly typeIndex: number | undefined;
  /** Address of the `_OBJECT_TYPE`; undefined since Windows 7. */
  readonly type: bigint | undefined;
  /** Address of the `_OBJECT_HEADER_NAME_INFO`; undefined when there is none. */
  readonly nameInfo: bigint | undefined;
  /** Bytes of optional headers before the header; not `exact` when there may be a gap before them. */
  readonly before: { readonly bytes: number; readonly exact: boolean };
}

/** What may stand before an object's header. */
export interface OptionalHeader {
  /** `_OBJECT_HEADER_NAME_INFO`. */
  readonly structure: string;
  readonly address: bigint;
}

/** Reads the object headers of a build. */
export class HeaderReader {
  /** Bytes from an object's header to its body. */
  readonly bodyOffset: number;
  /** Bytes of the header without the body. */
  readonly size: number;
  /** Where the byte lies by which a header can be refused soonest; undefined until Vista. */
  readonly maskAt: number | undefined;
  #before: readonly HeaderFacts['before'][] | undefined;
  #nameOffsets: Buffer | undefined;

  /** @throws FormatError when the profile knows no object headers */
  constructor(private readonly kernel: Kernel) {
    this.bodyOffset = kernel.profile.need('_OBJECT_HEADER', 'Body').offset;
    this.size = kernel.reader(HEADER).size;
    this.maskAt = kernel.profile.field('_OBJECT_HEADER', 'InfoMask')?.offset;
  }

  /** Undefined when it is not in the image. */
  read(header: bigint): HeaderFacts | undefined {
    const record = this.kernel.read(HEADER, header);
    return record === undefined ? undefined : this.#facts(record, header);
  }

  /** The optional headers that stand before a header, the nearest first; none when it is not in the image. */
  optional(header: bigint): readonly OptionalHeader[] {
    const record = this.kernel.read(HEADER, header);
    if (record === undefined) return [];
    const { infoMask, nameOffset = 0, handleOffset = 0, quotaOffset = 0, flags = 0 } = record;
    const at = (index: number, before: number): OptionalHeader => ({ structure: OPTIONAL[index]![0], address: header - BigInt(before) });
    if (infoMask !== undefined) {
      return OPTIONAL.flatMap((_, bit) => ((infoMask >> bit) & 1) === 0 ? [] : [at(bit, this.before(infoMask & ((2 << bit) - 1)).bytes)]);
    }
    const places = [(flags & FLAG_CREATOR_INFO) === 0 ? 0 : this.#optionalSize(0), nameOffset, handleOffset, quotaOffset];
    return places.flatMap((before, index) => (before === 0 ? [] : [at(index, before)])).sort((a, b) => (a.address > b.address ? -1 : 1));
  }

  /** Address of the object's security descriptor; undefined when it has none, or the header is not in the image. */
  securityDescriptor(header: bigint): bigint | undefined {
    const security = this.kernel.read(HEADER, header)?.security;
    return security !== undefined && this.kernel.isKernelAddress(security) ? security : undefined;
  }

  /** As `read`, from bytes that begin at the header. */
  decode(bytes: Buffer, header: bigint): HeaderFacts | undefined {
    const record = this.kernel.reader(HEADER).decode(bytes, header);
    return record === undefined ? undefined : this.#facts(record, header);
  }

  /** Optional headers by InfoMask, padding apart. */
  before(infoMask: number): HeaderFacts['before'] {
    this.#before ??= this.#infoSizes();
    return this.#before[infoMask & 0xff]!;
  }

  #facts(record: HeaderRecord, header: bigint): HeaderFacts {
    const { pointers, handleCount, infoMask } = record;
    if (infoMask !== undefined) {
      const nameInfo = (infoMask & NAME_INFO) === 0 ? undefined : header - BigInt(this.#nameOffset(infoMask));
      return { pointers, handleCount, typeIndex: record.typeIndex, type: undefined, nameInfo, before: this.before(infoMask) };
    }
    const { nameOffset = 0, handleOffset = 0, quotaOffset = 0, flags = 0 } = record;
    const creator = (flags & FLAG_CREATOR_INFO) === 0 ? 0 : this.#optionalSize(0);
    return {
      pointers, handleCount, typeIndex: undefined, type: record.type,
      nameInfo: nameOffset === 0 ? undefined : header - BigInt(nameOffset),
      before: { bytes: Math.max(nameOffset, handleOffset, quotaOffset, creator), exact: true },
    };
  }

  #optionalSize(index: number): number {
    const [name, size] = OPTIONAL[index]!;
    return this.kernel.profile.sizeOf(name) ?? (size * this.kernel.pointerSize) / 8;
  }

  /** How far before the header the name info begins: ObpInfoMaskToOffset of its own and all lower bits; the sizes say the same. */
  #nameOffset(infoMask: number): number {
    const { kernel } = this;
    if (this.#nameOffsets === undefined) {
      const symbol = kernel.symbol('ObpInfoMaskToOffset');
      this.#nameOffsets = (symbol === undefined ? undefined : kernel.memory.read(symbol, 4)) ?? Buffer.alloc(4);
    }
    const told = this.#nameOffsets[infoMask & (NAME_INFO | CREATOR_INFO)] ?? 0;
    return told !== 0 ? told : this.#optionalSize(1) + ((infoMask & CREATOR_INFO) === 0 ? 0 : this.#optionalSize(0));
  }

  /** The kernel's own table when it is in the image and begins as it must, else the sums of the sizes. */
  #infoSizes(): readonly HeaderFacts['before'][] {
    const { kernel } = this;
    const sums = Array.from({ length: 256 }, (_, mask) => OPTIONAL.reduce((sum, __, bit) => sum + ((mask >> bit) & 1) * this.#optionalSize(bit), 0));
    const symbol = kernel.symbol('ObpInfoMaskToOffset');
    const table = symbol === undefined ? undefined : kernel.memory.read(symbol, 256);
    const sizes = table !== undefined && [0, 1, 2, 3, 4, 8].every((mask) => table[mask] === sums[mask]) ? [...table] : sums;
    return sizes.map((_, mask) => ({ bytes: sizes[mask & ~PADDING] ?? 0, exact: (mask & PADDING) === 0 }));
  }
}

const readers = new WeakMap<Kernel, HeaderReader>();

/** The reader of a kernel's object headers, one each. @throws FormatError when the profile knows none */
export function headerReader(kernel: Kernel): HeaderReader {
  let reader = readers.get(kernel);
  if (reader === undefined) readers.set(kernel, reader = new HeaderReader(kernel));
  return reader;
}
