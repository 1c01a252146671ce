/**
 * Layouts of the store manager's own structures, through which Windows 10 and 11 find pages that they compressed in memory. They are in no
 * public symbol table; the offsets are public knowledge from memory forensics (FireEye's white paper "Extracting Compressed Pages from the
 * Windows 10 Virtual Store" and its plugins for 14393 to 18362, MemProcFS for later builds). All in bytes; names as the white paper gives them.
 */

/** `_SMHP_CHUNK_METADATA`: 32 pointers to rows of chunks, then how a key leads to a record in a chunk. From its own start. */
export interface ChunkLayout {
  /** By how many bits a key is shifted to name its chunk. */
  readonly keyShift: number;
  /** The bits of a key that name the record in the chunk. */
  readonly recordMask: number;
  readonly recordSize: number;
  /** Bytes before the first record of a chunk. */
  readonly headerSize: number;
}

/** What depends on the width of pointers alone. */
export interface StoreShape {
  /** In `_SMKM_STORE_MGR`, whose first member is `_SMKM`, 32 pointers to arrays of 32 `_SMKM_STORE_METADATA`: the tree from page keys to stores. */
  readonly storeTree: number;
  /** Bytes of a `_SMKM_STORE_METADATA`, whose first member is the pointer to the `_SMKM_STORE`. */
  readonly metadataSize: number;
  /** `_SMKM_STORE.StStore.StDataMgr`, whose first member is the tree from page keys to records. The next four are from there. */
  readonly data: number;
  readonly chunks: number;
  readonly chunk: ChunkLayout;
  /** The pointer back to the `_SMKM_STORE`. */
  readonly self: number;
  readonly regionMask: number;
  readonly regionShift: number;
}

export interface StoreLayout extends StoreShape {
  /** The first build that has it; it holds up to the next row. */
  readonly build: number;
  readonly pointerSize: 4 | 8;
  /** The manager is an allocation of its own: where SmGlobals points into it, and how far behind its start. Undefined: SmGlobals is the manager. */
  readonly apart: { readonly pointer: number; readonly into: number } | undefined;
  /** Bytes of an entry in a row of chunks, whose first member is the pointer to the chunk. */
  readonly chunkEntry: number;
  /** The compression format (`COMPRESSION_FORMAT_…`), from StDataMgr; or what the build always uses, where no member is known to say it. */
  readonly format: number | 'lz4';
  /** In `_SMKM_STORE`: pointer to the array of addresses of regions, and to the process whose memory they are in. */
  readonly regions: number;
  readonly owner: number;
  /** The bits of a page key that count. */
  readonly keyMask: number;
}

const SHAPE_64: StoreShape = {
  storeTree: 0x1c0, metadataSize: 0x28, data: 0x50,
  chunks: 0xc0, chunk: { keyShift: 0x108, recordMask: 0x10c, recordSize: 0x110, headerSize: 0x118 },
  self: 0x320, regionMask: 0x328, regionShift: 0x32c,
};

const SHAPE_32: StoreShape = {
  storeTree: 0xf4, metadataSize: 0x14, data: 0x38,
  chunks: 0x6c, chunk: { keyShift: 0x88, recordMask: 0x8c, recordSize: 0x90, headerSize: 0x98 },
  self: 0x1c0, regionMask: 0x1c4, regionShift: 0x1c8,
};

const ALL_BITS = 0xffff_ffff;

const BUILD_14393: StoreLayout = {
  ...SHAPE_64, build: 14_393, pointerSize: 8, apart: undefined, chunkEntry: 0x10, format: 0x3d0, regions: 0x17a8, owner: 0x1918, keyMask: ALL_BITS,
};
const BUILD_15063: StoreLayout = { ...BUILD_14393, build: 15_063, regions: 0x1828, owner: 0x1988 };
const BUILD_16299: StoreLayout = { ...BUILD_15063, build: 16_299, format: 0x3e0, regions: 0x1848, owner: 0x19a8 };
const BUILD_19041: StoreLayout = { ...BUILD_16299, build: 19_041, owner: 0x19b8 };
/** 11 22H2: the manager moved to an allocation with the tag SmPa. */
const BUILD_22601: StoreLayout = { ...BUILD_19041, build: 22_601, apart: { pointer: 0x8, into: 0x7a8 } };
const BUILD_26100: StoreLayout = {
  ...BUILD_22601, build: 26_100, apart: { pointer: 0x10, into: 0xc30 }, format: 'lz4', regions: 0x1b70, owner: 0x1d08, keyMask: 0x0fff_ffff,
};

const BUILD_14393_32: StoreLayout = {
  ...SHAPE_32, build: 14_393, pointerSize: 4, apart: undefined, chunkEntry: 0x8, format: 0x220, regions: 0x1124, owner: 0x1204, keyMask: ALL_BITS,
};
const BUILD_15063_32: StoreLayout = { ...BUILD_14393_32, build: 15_063, chunkEntry: 0xc, regions: 0x1174, owner: 0x1244 };
const BUILD_16299_32: StoreLayout = { ...BUILD_15063_32, build: 16_299, format: 0x224, regions: 0x1184, owner: 0x1254 };
const BUILD_19041_32: StoreLayout = { ...BUILD_16299_32, build: 19_041, owner: 0x125c };

/** Ascending by build. Of 10240 and 10586 nothing is published. */
export const STORE_LAYOUTS: readonly StoreLayout[] = [
  BUILD_14393, BUILD_15063, BUILD_16299, BUILD_19041, BUILD_22601, BUILD_26100,
  BUILD_14393_32, BUILD_15063_32, BUILD_16299_32, BUILD_19041_32,
];

/** The layout that is known to be the build's; undefined before the first that is known. */
export function ownStoreLayout(build: number, pointerSize: 4 | 8): StoreLayout | undefined {
  return STORE_LAYOUTS.filter((row) => row.pointerSize === pointerSize && row.build <= build).at(-1);
}

/** The layouts of other builds, the nearest first. */
export function otherStoreLayouts(build: number, pointerSize: 4 | 8): readonly StoreLayout[] {
  const own = ownStoreLayout(build, pointerSize);
  return STORE_LAYOUTS.filter((row) => row.pointerSize === pointerSize && row !== own)
    .sort((a, b) => Math.abs(a.build - build) - Math.abs(b.build - build));
}
