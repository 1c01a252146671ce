import { FormatError } from '../bytes/errors.js';
import { walk } from '../bytes/walk.js';
import { wordAt } from '../bytes/word.js';
import { big, number, struct, unicode, type RecordOf } from '../profile/struct.js';
import type { Kernel } from './kernel.js';
import { directoryObjects } from './object-directory.js';
import { headerReader, type HeaderFacts, type HeaderReader } from './object-header.js';

const TYPE = struct('_OBJECT_TYPE', { name: unicode('Name'), index: number('Index'), key: number('Key') });
const NAME_INFO = struct('_OBJECT_HEADER_NAME_INFO', { directory: big('Directory'), name: unicode('Name') });

/** Type indices are written encoded since Windows 10. */
const FIRST_ENCODED_BUILD = 10_000;
/** Slots 0 and 1 of ObTypeIndexTable hold no type. */
const FIRST_TYPE = 2;
const MAX_TYPES = 256;
/** No more names and paths than this are remembered; then they are read anew. */
const MAX_REMEMBERED = 1 << 17;
const MAX_DEPTH = 64;

/** Pointers to types that kernels have as globals; most are exported, so that they are known without symbols too. */
const TYPE_POINTERS = [
  'PsProcessType', 'PsThreadType', 'PsJobType', 'IoFileObjectType', 'IoDriverObjectType', 'IoDeviceObjectType', 'ExEventObjectType',
  'ExMutantObjectType', 'ExTimerObjectType', 'CmKeyObjectType', 'SeTokenObjectType', 'MmSectionObjectType', 'AlpcPortObjectType',
  'DbgkDebugObjectType', 'WmipGuidObjectType', 'ObpTypeObjectType', 'ObpDirectoryObjectType', 'ObpSymbolicLinkObjectType',
] as const;

/** A type of kernel object. Corresponds to `_OBJECT_TYPE`. */
export interface ObjectType {
  readonly address: bigint;
  readonly index: number;
  /** `Process`, `ALPC Port`. */
  readonly name: string;
  /** The pool tag of its objects, `Key`: four characters. */
  readonly tag: string;
}

/** What an object's header says. Corresponds to `_OBJECT_HEADER`. */
export interface ObjectHeader {
  /** Address of the header and of the body that follows it. */
  readonly header: bigint;
  readonly body: bigint;
  /** Undefined when the header names no type. */
  readonly type: ObjectType | undefined;
  /** Address of the `_OBJECT_HEADER_NAME_INFO`; undefined when it has no name. */
  readonly nameInfo: bigint | undefined;
  /** Undefined when the field holds no count, as in an object being freed. */
  readonly handleCount: number | undefined;
}

/** What the object manager of a kernel knows: types, headers, names, paths. Types and names are read once. */
export class ObjectManager {
  #types: ReadonlyMap<number, ObjectType> | undefined;
  #cookie: { readonly value: number | undefined } | undefined;
  #encoded: boolean | undefined;
  #root: bigint | undefined;
  readonly #names = new Map<bigint, string | undefined>();
  readonly #paths = new Map<bigint, string | undefined>();
  readonly #typesAt = new Map<bigint, ObjectType | undefined>();
  readonly #headers: HeaderReader;
  /** Bytes from an object's header to its body. */
  readonly #bodyOffset: bigint;

  constructor(private readonly kernel: Kernel) {
    this.#headers = headerReader(kernel);
    this.#bodyOffset = BigInt(this.#headers.bodyOffset);
  }

  /** The root directory of the namespace, by ObpRootDirectoryObject, else what the directory of the types lies in; 0n when it is not known. */
  get root(): bigint {
    this.#root ??= this.#global('ObpRootDirectoryObject') ?? this.#parent(this.#typeDirectory()) ?? 0n;
    return this.#root;
  }

  /** The types by index: ObTypeIndexTable; what it does not say is in the directory of types, and behind the kernel's globals. */
  get types(): ReadonlyMap<number, ObjectType> {
    if (this.#types === undefined) {
      const { types, whole } = this.#readTable();
      if (!whole) {
        const directory = this.#typeDirectory();
        const others = [...(directory === undefined ? [] : directoryObjects(this.kernel, directory)), ...TYPE_POINTERS.map((name) => this.#global(name) ?? 0n)];
        for (const address of others) {
          const type = types.size < MAX_TYPES && address !== 0n ? this.kernel.anomalies.attempt('object types', () => this.#type(address)) : undefined;
          if (type !== undefined && !types.has(type.index)) types.set(type.index, type);
        }
      }
      if (types.size === 0) this.kernel.anomalies.add('object types', 'no object type can be read');
      this.#types = types;
    }
    return this.#types;
  }

  /** Address of the body of the object whose header lies at `header`. */
  body(header: bigint): bigint {
    return header + this.#bodyOffset;
  }

  /** The header of the object whose body lies at `body`; undefined when it is not in the image. */
  header(body: bigint): ObjectHeader | undefined {
    const header = body - this.#bodyOffset;
    const record = this.#headers.read(header);
    if (record === undefined) return undefined;
    return {
      header, body,
      type: this.#typeOf(record, header),
      nameInfo: record.nameInfo,
      handleCount: record.handleCount >= 0 && record.handleCount <= 0x7fff_ffff ? record.handleCount : undefined,
    };
  }

  /** The object's own name, without its directory; undefined when it has none, or when it is not in the image. */
  name(body: bigint, header = this.header(body)): string | undefined {
    if (this.#names.has(body)) return this.#names.get(body);
    const info = this.#nameInfo(header?.nameInfo);
    const name = (info === undefined ? undefined : this.kernel.text(info.name)) || undefined;
    remember(this.#names, body, name);
    return name;
  }

  /** The object's path in the namespace: `\Device\HarddiskVolume3`; undefined when it has no name or hangs in no directory. */
  path(body: bigint, header = this.header(body)): string | undefined {
    if (body === this.root) return '\\';
    if (this.#paths.has(body)) return this.#paths.get(body);
    const info = this.#nameInfo(header?.nameInfo);
    const name = info === undefined ? undefined : this.name(body, header);
    const parent = info === undefined || name === undefined || info.directory === 0n ? undefined : this.#directoryPath(info.directory);
    const path = parent === undefined ? undefined : `${parent === '\\' ? '' : parent}\\${name}`;
    remember(this.#paths, body, path);
    return path;
  }

  /** The path of a directory, by the directories that each name info leads up to. */
  #directoryPath(directory: bigint): string | undefined {
    if (directory === this.root) return '\\';
    if (this.#paths.has(directory)) return this.#paths.get(directory);
    const { root } = this;
    const names: string[] = [];
    let top: bigint | undefined;
    const steps = walk([directory], (address) => address, (address) => {
      const header = this.header(address);
      const info = this.#nameInfo(header?.nameInfo);
      const name = info === undefined ? undefined : this.name(address, header);
      if (info === undefined || name === undefined) return undefined;
      const ends = info.directory === 0n || info.directory === root;
      return { value: { name, parent: info.directory }, next: ends ? [] : [info.directory] };
    }, { where: 'object directories', cap: MAX_DEPTH, anomalies: this.kernel.anomalies });
    for (const step of steps) {
      // A directory without a parent is a root itself and called `\`.
      if (step.parent !== 0n || step.name !== '\\') names.unshift(step.name);
      top = step.parent === 0n && step.name === '\\' ? root : step.parent;
    }
    const path = top === undefined || top !== root || top === 0n ? undefined : `\\${names.join('\\')}`;
    remember(this.#paths, directory, path);
    return path;
  }

  #nameInfo(address: bigint | undefined): RecordOf<typeof NAME_INFO> | undefined {
    return address === undefined ? undefined : this.kernel.read(NAME_INFO, address);
  }

  /** The directory that holds an object; needs no types. */
  #parent(body: bigint | undefined): bigint | undefined {
    const info = this.#nameInfo(body === undefined ? undefined : this.#headers.read(body - this.#bodyOffset)?.nameInfo);
    return info !== undefined && this.kernel.isKernelAddress(info.directory) ? info.directory : undefined;
  }

  /** \ObjectTypes, which holds the type of processes, whose address every kernel exports. */
  #typeDirectory(): bigint | undefined {
    return this.#parent(this.#global('PsProcessType'));
  }

  /** By the pointer of XP to Vista, else by the index. */
  #typeOf({ type, typeIndex }: HeaderFacts, header: bigint): ObjectType | undefined {
    if (type !== undefined) return this.kernel.isKernelAddress(type) ? this.#typeAt(type) : undefined;
    const index = typeIndex === undefined ? undefined : this.#decode(typeIndex, header);
    return index === undefined ? undefined : this.types.get(index);
  }

  #typeAt(address: bigint): ObjectType | undefined {
    if (this.#typesAt.has(address)) return this.#typesAt.get(address);
    const type = this.kernel.anomalies.attempt('object types', () => this.#type(address));
    if (this.#typesAt.size < MAX_TYPES) this.#typesAt.set(address, type);
    return type;
  }

  /** The index that a header means: written plainly until 8.1, since then XORed with ObHeaderCookie and the address's second byte. */
  #decode(typeIndex: number, header: bigint, cookie = this.#headerCookie()): number | undefined {
    if (!(this.#encoded ??= this.#isEncoded())) return typeIndex;
    return cookie === undefined ? undefined : typeIndex ^ cookie ^ Number((header >> 8n) & 0xffn);
  }

  /** By the build; where it is not known, plain headers of two types both say that they are of the first type, `Type`. */
  #isEncoded(): boolean {
    const { build } = this.kernel.profile;
    if (build !== 0) return build >= FIRST_ENCODED_BUILD;
    const indices = ['PsProcessType', 'PsThreadType'].map((name) => {
      const type = this.#global(name);
      return type === undefined ? undefined : this.#headers.read(type - this.#bodyOffset)?.typeIndex;
    });
    return indices.some((index) => index !== undefined && index !== FIRST_TYPE);
  }

  #headerCookie(): number | undefined {
    this.#cookie ??= { value: this.#findCookie() };
    return this.#cookie.value;
  }

  /** ObHeaderCookie where its place is known and it fits, else what makes a type object of type `Type`. */
  #findCookie(): number | undefined {
    const { kernel } = this;
    const symbol = kernel.symbol('ObHeaderCookie');
    const told = symbol === undefined ? undefined : kernel.memory.read(symbol, 1)?.[0];
    const process = this.#global('PsProcessType');
    const typeIndex = process === undefined ? undefined : this.#headers.read(process - this.#bodyOffset)?.typeIndex;
    if (process === undefined || typeIndex === undefined) return told;
    // `Type` is the first type that the kernel makes, on every build.
    const header = process - this.#bodyOffset;
    const derived = typeIndex ^ FIRST_TYPE ^ Number((header >> 8n) & 0xffn);
    if (told !== undefined && told !== derived) {
      kernel.anomalies.add('object types', `ObHeaderCookie is ${told}, but the header of the Process type fits ${derived}`, header);
    }
    return told ?? derived;
  }

  /** ObTypeIndexTable; not `whole` where it cannot be found or one of its types cannot be read. */
  #readTable(): { readonly types: Map<number, ObjectType>; readonly whole: boolean } {
    const { kernel } = this;
    const types = new Map<number, ObjectType>();
    const table = kernel.symbol('ObTypeIndexTable');
    if (table === undefined) return { types, whole: false };
    const bytes = Buffer.alloc(MAX_TYPES * kernel.pointerSize);
    let whole = kernel.memory.fill(table, bytes) === 0;
    for (let index = FIRST_TYPE; index < MAX_TYPES; index += 1) {
      const address = wordAt(bytes, index * kernel.pointerSize, kernel.pointerSize);
      if (!kernel.isKernelAddress(address)) break;
      const type = kernel.anomalies.attempt('object types', () => {
        const found = this.#type(address);
        if (found !== undefined && found.index !== index) throw new FormatError(`type ${index} says that its index is ${found.index}`, address);
        return found;
      });
      if (type === undefined) whole = false;
      else types.set(index, type);
    }
    return { types, whole: whole && types.size > 0 };
  }

  #global(name: string): bigint | undefined {
    const symbol = this.kernel.symbol(name);
    const address = symbol === undefined ? undefined : this.kernel.pointer(symbol);
    return address !== undefined && this.kernel.isKernelAddress(address) ? address : undefined;
  }

  #type(address: bigint): ObjectType | undefined {
    const record = this.kernel.read(TYPE, address);
    if (record === undefined) return undefined;
    const name = this.kernel.text(record.name);
    if (name === undefined || name === '') return undefined;
    const tag = Buffer.alloc(4);
    tag.writeUInt32LE(record.key);
    return { address, index: record.index, name, tag: tag.toString('latin1') };
  }
}

function remember<T>(memory: Map<bigint, T>, key: bigint, value: T): void {
  if (memory.size >= MAX_REMEMBERED) memory.clear();
  memory.set(key, value);
}

const managers = new WeakMap<Kernel, ObjectManager>();

/** The object manager of a kernel, one each. @throws FormatError when the profile knows no object headers */
export function objectManager(kernel: Kernel): ObjectManager {
  let manager = managers.get(kernel);
  if (manager === undefined) {
    manager = new ObjectManager(kernel);
    managers.set(kernel, manager);
  }
  return manager;
}
