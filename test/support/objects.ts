import type { SyntheticKernel } from './kernel-image.js';
import type { View } from './layout.js';

/** Object types by index from 2 on: name, pool tag, the symbol that points at the type, whether objects lie in paged pool. */
const TYPES: readonly (readonly [name: string, tag: string, symbol: string, paged: boolean])[] = [
  ['Type', 'ObjT', 'ObpTypeObjectType', false], ['Directory', 'Dire', 'ObpDirectoryObjectType', true],
  ['SymbolicLink', 'Symb', 'ObpSymbolicLinkObjectType', true], ['Token', 'Toke', 'SeTokenObjectType', true],
  ['Job', 'Job ', 'PsJobType', false], ['Process', 'Proc', 'PsProcessType', false], ['Thread', 'Thre', 'PsThreadType', false],
  ['Event', 'Even', 'ExEventObjectType', false], ['Mutant', 'Muta', 'ExMutantObjectType', false],
  ['File', 'File', 'IoFileObjectType', false], ['Driver', 'Driv', 'IoDriverObjectType', false], ['Device', 'Devi', 'IoDeviceObjectType', false],
  ['Section', 'Sect', 'MmSectionObjectType', true], ['Key', 'Key ', 'CmKeyObjectType', true], ['ALPC Port', 'ALPC', 'AlpcPortObjectType', false],
];
/** Optional headers by InfoMask bit: structure, and size in pointers where no profile has it. */
const OPTIONAL: readonly (readonly [bit: number, struct: string, pointers: number])[] = [
  [0x8, '_OBJECT_HEADER_QUOTA_INFO', 4], [0x4, '_OBJECT_HEADER_HANDLE_INFO', 2],
  [0x2, '_OBJECT_HEADER_NAME_INFO', 4], [0x1, '_OBJECT_HEADER_CREATOR_INFO', 4],
];
const NAME = 0x2;
/** `_OBJECT_HEADER.Flags` until Vista: a creator info lies right before the header. */
const OB_FLAG_CREATOR_INFO = 0x4;
/** Until Vista the header says itself where its optional headers begin. */
const OFFSETS = { 0x2: 'NameInfoOffset', 0x4: 'HandleInfoOffset', 0x8: 'QuotaInfoOffset' } as const;
const BUCKETS = 37;

export interface ObjectSpec {
  readonly name?: string;
  /** Optional headers besides the name, as InfoMask bits. */
  readonly infoMask?: number;
  readonly handleCount?: number;
  /** Bytes behind the structure. */
  readonly extra?: number;
}

/** The object manager: types, headers with their optional headers, names, directories. */
export class Objects {
  readonly cookie: number;
  readonly types = new Map<string, bigint>();
  readonly #directories = new Map<string, bigint>();
  readonly #header: number;

  constructor(private readonly kernel: SyntheticKernel) {
    this.#header = kernel.profile.need('_OBJECT_HEADER', 'Body').offset;
    // Windows 10 hides the type index; builds without the symbol do not.
    this.cookie = kernel.profile.build >= 10_000 && kernel.has('ObHeaderCookie') ? 0x5a : 0;
    if (this.cookie !== 0) kernel.space.write(kernel.symbol('ObHeaderCookie'), Buffer.from([this.cookie]));
    const offsets = Buffer.from(Array.from({ length: 256 }, (_, mask) => this.#before(mask) & 0xff));
    if (kernel.has('ObpInfoMaskToOffset')) kernel.space.write(kernel.symbol('ObpInfoMaskToOffset'), offsets);
    TYPES.forEach(([name, tag, symbol], i) => this.#type(name, tag, symbol, i + 2));
    kernel.setVariable('ObpRootDirectoryObject', this.directory('\\'));
  }

  /** Enters the types into `\ObjectTypes`, where every Windows has them. */
  enterTypes(): void {
    for (const [name, body] of this.types) this.enter('\\ObjectTypes', body, name);
  }

  /** Makes an object with its headers in the right pool; the view is on its body. */
  create(type: string, struct: string, { name, infoMask = 0, handleCount = 1, extra = 0 }: ObjectSpec = {}): View {
    const row = TYPES.find(([known]) => known === type);
    const body = this.#raw(type, row?.[1] ?? 'Obj ', row?.[3] ?? false, (this.kernel.profile.sizeOf(struct) ?? 0x40) + extra,
      infoMask | (name === undefined ? 0 : NAME), handleCount);
    if (name !== undefined) this.#name(body, name, 0n);
    return this.kernel.view(struct, body);
  }

  header(body: bigint): View {
    return this.kernel.view('_OBJECT_HEADER', body - BigInt(this.#header));
  }

  /** A directory by its path, made with all that lead to it. */
  directory(path: string): bigint {
    const known = this.#directories.get(path);
    if (known !== undefined) return known;
    const view = this.create('Directory', '_OBJECT_DIRECTORY', { name: path === '\\' ? '\\' : path.slice(path.lastIndexOf('\\') + 1) });
    this.#directories.set(path, view.address);
    if (path !== '\\') this.enter(path.slice(0, path.lastIndexOf('\\')) || '\\', view.address, path.slice(path.lastIndexOf('\\') + 1));
    return view.address;
  }

  /** Enters a named object into a directory. */
  enter(path: string, body: bigint, name: string): void {
    const { kernel } = this;
    const directory = this.directory(path);
    let hash = 0;
    for (const char of name.toUpperCase()) hash = (hash + (hash << 1) + (hash >>> 1) + char.charCodeAt(0)) >>> 0;
    const bucket = kernel.view('_OBJECT_DIRECTORY', directory).at('HashBuckets') + BigInt((hash % BUCKETS) * kernel.profile.pointerSize);
    const entry = kernel.paged.struct('_OBJECT_DIRECTORY_ENTRY', 'ObDi');
    entry.set('ChainLink', kernel.space.pointer(bucket)).set('Object', body);
    kernel.space.setPointer(bucket, entry.address);
    kernel.view('_OBJECT_HEADER_NAME_INFO', body - BigInt(this.#header + this.#nameOffset(body))).set('Directory', directory);
  }

  #type(name: string, tag: string, symbol: string, index: number): void {
    const { kernel } = this;
    const body = this.#raw('Type', 'ObjT', false, kernel.profile.sizeOf('_OBJECT_TYPE')!, NAME | 0x1, 0);
    this.types.set(name, body);
    this.#name(body, name, 0n);
    const view = kernel.view('_OBJECT_TYPE', body).listInit('TypeList').set('Index', index).set('Key', Buffer.from(tag, 'latin1').readUInt32LE(0));
    view.setText('Name', name, kernel.paged.alloc(name.length * 2 + 2, 'ObNm'));
    if (kernel.has('ObTypeIndexTable')) kernel.space.setPointer(kernel.symbol('ObTypeIndexTable') + BigInt(index * kernel.profile.pointerSize), body);
    kernel.setVariable(symbol, body);
  }

  #raw(type: string, tag: string, paged: boolean, size: number, infoMask: number, handleCount: number): bigint {
    const before = this.#before(infoMask);
    const pool = paged ? this.kernel.paged : this.kernel.nonpaged;
    const block = pool.alloc(before + this.#header + size, tag);
    const body = block + BigInt(before + this.#header);
    const header = this.header(body);
    const index = TYPES.findIndex(([name]) => name === type) + 2;
    header.set('PointerCount', 3).set('HandleCount', handleCount);
    if (header.has('InfoMask')) {
      header.set('InfoMask', infoMask).set('TypeIndex', this.cookie === 0 ? index : index ^ this.cookie ^ Number((header.address >> 8n) & 0xffn));
    } else {
      // The type that is being made first is of its own type.
      header.set('Type', this.types.get(type) ?? (index === 2 ? this.types.get('Type') ?? body : 0n)).set('Flags', (infoMask & 0x1) === 0 ? 0 : OB_FLAG_CREATOR_INFO);
      for (const [bit, path] of Object.entries(OFFSETS)) if ((infoMask & Number(bit)) !== 0) header.set(path, this.#before(infoMask & (Number(bit) | (Number(bit) - 1))));
    }
    return body;
  }

  #name(body: bigint, name: string, directory: bigint): void {
    const info = this.kernel.view('_OBJECT_HEADER_NAME_INFO', body - BigInt(this.#header + this.#nameOffset(body)));
    info.set('Directory', directory).setText('Name', name, this.kernel.paged.alloc(name.length * 2 + 2, 'ObNm'));
  }

  /** From the header back to the name: the optional headers of lower bits lie between. */
  #nameOffset(body: bigint): number {
    const header = this.header(body);
    return header.has('InfoMask') ? this.#before(Number(header.get('InfoMask')) & (NAME | 0x1)) : Number(header.get('NameInfoOffset'));
  }

  #before(mask: number): number {
    const { profile } = this.kernel;
    return OPTIONAL.reduce((sum, [bit, struct, pointers]) => sum + ((mask & bit) === 0 ? 0 : profile.sizeOf(struct) ?? pointers * profile.pointerSize), 0);
  }
}
