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
/** Optional headers by InfoMask bit: structure, and size where no profile has it. */
const OPTIONAL: readonly (readonly [bit: number, struct: string, size: number])[] = [
  [0x8, '_OBJECT_HEADER_QUOTA_INFO', 0x20], [0x4, '_OBJECT_HEADER_HANDLE_INFO', 0x10],
  [0x2, '_OBJECT_HEADER_NAME_INFO', 0x20], [0x1, '_OBJECT_HEADER_CREATOR_INFO', 0x20],
];
const NAME = 0x2;
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
    this.cookie = kernel.has('ObHeaderCookie') ? 0x5a : 0;
    if (this.cookie !== 0) kernel.space.write(kernel.symbol('ObHeaderCookie'), Buffer.from([this.cookie]));
    const offsets = Buffer.from(Array.from({ length: 256 }, (_, mask) => this.#before(mask) & 0xff));
    if (kernel.has('ObpInfoMaskToOffset')) kernel.space.write(kernel.symbol('ObpInfoMaskToOffset'), offsets);
    TYPES.forEach(([name, tag, symbol], i) => this.#type(name, tag, symbol, i + 2));
    kernel.setVariable('ObpRootDirectoryObject', this.directory('\\'));
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
    const bucket = kernel.view('_OBJECT_DIRECTORY', directory).at('HashBuckets') + BigInt((hash % BUCKETS) * 8);
    const entry = kernel.paged.struct('_OBJECT_DIRECTORY_ENTRY', 'ObDi');
    entry.set('ChainLink', kernel.space.u64(bucket)).set('Object', body);
    kernel.space.setU64(bucket, entry.address);
    kernel.view('_OBJECT_HEADER_NAME_INFO', body - BigInt(this.#header + this.#nameOffset(body))).set('Directory', directory);
  }

  #type(name: string, tag: string, symbol: string, index: number): void {
    const { kernel } = this;
    const body = this.#raw('Type', 'ObjT', false, kernel.profile.sizeOf('_OBJECT_TYPE')!, NAME | 0x1, 0);
    this.types.set(name, body);
    this.#name(body, name, 0n);
    const view = kernel.view('_OBJECT_TYPE', body).listInit('TypeList').set('Index', index).set('Key', Buffer.from(tag, 'latin1').readUInt32LE(0));
    view.setText('Name', name, kernel.paged.alloc(name.length * 2 + 2, 'ObNm'));
    kernel.space.setU64(kernel.symbol('ObTypeIndexTable') + BigInt(index * 8), body);
    kernel.setVariable(symbol, body);
  }

  #raw(type: string, tag: string, paged: boolean, size: number, infoMask: number, handleCount: number): bigint {
    const before = this.#before(infoMask);
    const pool = paged ? this.kernel.paged : this.kernel.nonpaged;
    const block = pool.alloc(before + this.#header + size, tag);
    const body = block + BigInt(before + this.#header);
    const header = this.header(body);
    const index = TYPES.findIndex(([name]) => name === type) + 2;
    header.set('PointerCount', 3).set('HandleCount', handleCount).set('InfoMask', infoMask)
      .set('TypeIndex', this.cookie === 0 ? index : index ^ this.cookie ^ Number((header.address >> 8n) & 0xffn));
    return body;
  }

  #name(body: bigint, name: string, directory: bigint): void {
    const info = this.kernel.view('_OBJECT_HEADER_NAME_INFO', body - BigInt(this.#header + this.#nameOffset(body)));
    info.set('Directory', directory).setText('Name', name, this.kernel.paged.alloc(name.length * 2 + 2, 'ObNm'));
  }

  /** From the header back to the name: the optional headers of lower bits lie between. */
  #nameOffset(body: bigint): number {
    return this.#before(Number(this.header(body).get('InfoMask')) & (NAME | 0x1));
  }

  #before(mask: number): number {
    return OPTIONAL.reduce((sum, [bit, struct, size]) => sum + ((mask & bit) === 0 ? 0 : this.kernel.profile.sizeOf(struct) ?? size), 0);
  }
}
