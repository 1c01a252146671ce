import type { Content } from './cells.js';
import { KEY_NODE_SIZE, type Key } from './key.js';
import { VALUE_SIZE } from './deleted-record.js';
import { nativeOf, valueTypeName, type Native } from './value-type.js';

/**
 * Where something deleted was found: in a free cell, behind what a cell in use holds, in a cell in use that the tree does not
 * reach, in bytes of a bin that belong to no cell, or behind the last bin of a file, where a larger hive left them.
 */
export type FoundIn = 'free cell' | 'slack' | 'unreferenced cell' | 'no cell' | 'behind the bins';

/** How much of a deleted value's data there is: all, some (the rest was given to others or is not in the image), none. */
export type Completeness = 'whole' | 'partly' | 'lost';

/** What deleted things ask of the hive that they were found in. */
export interface DeletedSource {
  path(key: DeletedKey): string;
  subkeys(key: DeletedKey): readonly DeletedKey[];
  values(key: DeletedKey): readonly DeletedValue[];
  parent(key: DeletedKey): DeletedKey | Key | undefined;
  owner(value: DeletedValue): DeletedKey | Key | undefined;
  content(value: DeletedValue): Content | undefined;
}

/** A key that was deleted. Its properties are called as those of a Key are; corresponds to `_CM_KEY_NODE`. */
export class DeletedKey {
  readonly kind = 'key';

  constructor(
    private readonly source: DeletedSource,
    /** The index that its cell had. */
    readonly cell: number,
    /** The node with its name. */
    readonly bytes: Buffer,
    readonly name: string,
    readonly foundIn: FoundIn,
  ) {}

  /** The last write, a FILETIME. */
  get written(): bigint { return this.bytes.readBigUInt64LE(4); }
  get flags(): number { return this.bytes.readUInt16LE(2); }
  get parentCell(): number { return this.bytes.readUInt32LE(0x10); }
  /** Sub-keys and values as the key counted them (Windows sets the counts to zero when it deletes them one by one). */
  get subkeyCount(): number { return this.bytes.readUInt32LE(0x14) + this.bytes.readUInt32LE(0x18); }
  get valueCount(): number { return this.bytes.readUInt32LE(0x24); }
  /** The key above, deleted or not; undefined when its cell holds no key any more. */
  get parent(): DeletedKey | Key | undefined { return this.source.parent(this); }
  /** The names below the root joined by `\`, as the parents' cells say; begins with `?` where one is lost. */
  get path(): string { return this.source.path(this); }
  /** Deleted keys that name this one as their parent. */
  subkeys(): readonly DeletedKey[] { return this.source.subkeys(this); }
  /** The values of its list that are still there. */
  values(): readonly DeletedValue[] { return this.source.values(this); }
  /** How many of its values are lost. */
  get lostValues(): number { return Math.max(0, this.valueCount - this.values().length); }
}

/** A value that was deleted. Its properties are called as those of a Value are; corresponds to `_CM_KEY_VALUE`. */
export class DeletedValue {
  readonly kind = 'value';

  constructor(
    private readonly source: DeletedSource,
    /** The index that its cell had. */
    readonly cell: number,
    /** The record with its name. */
    readonly bytes: Buffer,
    /** Empty for a default value. */
    readonly name: string,
    readonly foundIn: FoundIn,
  ) {}

  get type(): number { return this.bytes.readUInt32LE(0x0c); }
  get typeName(): string { return valueTypeName(this.type); }
  /** Bytes of data, as the value says. */
  get length(): number { return this.bytes.readUInt32LE(4) & 0x7fff_ffff; }
  /** The data lies in the value's own cell. */
  get resident(): boolean { return this.bytes.readUInt32LE(4) >= 0x8000_0000; }
  /** The key whose list names or named it, deleted or not; undefined when none is known. */
  get key(): DeletedKey | Key | undefined { return this.source.owner(this); }

  /** What there is of the data; it may be shorter than `length`. Undefined when it is lost. */
  content(): Content | undefined { return this.source.content(this); }

  /** The data; undefined when some of it is lost. */
  data(): Buffer | undefined {
    const content = this.content();
    return content !== undefined && content.missing === 0 && content.bytes.length === this.length ? content.bytes : undefined;
  }

  /** What the data means; undefined as `data`. */
  native(): Native | undefined {
    const data = this.data();
    return data === undefined ? undefined : nativeOf(this.type, data);
  }

  get completeness(): Completeness {
    const content = this.content();
    if (content === undefined) return 'lost';
    return content.missing === 0 && content.bytes.length === this.length ? 'whole' : 'partly';
  }
}

export type DeletedItem = DeletedKey | DeletedValue;

/** Bytes of a record with its name. */
export function recordLength(bytes: Buffer): number {
  return bytes[0] === 0x6e ? KEY_NODE_SIZE + bytes.readUInt16LE(0x48) : VALUE_SIZE + bytes.readUInt16LE(2);
}
