import { UNIX_EPOCH_FILETIME } from '../bytes/filetime.js';
import { guidText } from '../bytes/guid.js';
import { hex } from '../bytes/hex.js';
import { ascii } from '../bytes/utf16.js';
import { nameAndRest } from './mru.js';
import { filetimeAt } from './key-values.js';
import { knownFolder } from './known-folder.js';

/** An item of the shell's namespace, as ITEMIDLISTs hold it. */
export interface ShellItem {
  readonly kind: 'folder' | 'volume' | 'directory' | 'file' | 'network' | 'uri' | 'control panel' | 'device' | 'unknown';
  readonly name: string;
  readonly size?: number | undefined;
  /** Times of the file when the item was made, to two seconds, UTC. */
  readonly modified?: bigint | undefined;
  readonly created?: bigint | undefined;
  readonly accessed?: bigint | undefined;
  /** Record and sequence of the file in the MFT, when its volume is NTFS. */
  readonly mftRecord?: number | undefined;
  readonly mftSequence?: number | undefined;
  /** The MS-DOS name, where it differs from the name. */
  readonly shortName?: string | undefined;
}

const MOST_ITEMS = 256;
const TICKS_PER_MS = 10_000n;
const FILE_ENTRY_BLOCK = 0xbeef0004;
const FOLDER_BLOCK = 0xbeef0026;
/** `1SPS` and the set {b725f130-47ef-101a-a5f1-02608c9eebac}, which names things. */
const STORAGE_SET = Buffer.from('3153505330f125b7ef471a10a5f102608c9eebac', 'hex');
const VT_LPWSTR = 0x1f;
/** The upper half of the signatures of all blocks. */
const MARK = Buffer.from([0xef, 0xbe]);

/** The items of an ITEMIDLIST, up to its end or to an item that lies about its size. */
export function itemList(bytes: Buffer): readonly ShellItem[] {
  const items: ShellItem[] = [];
  for (let at = 0; at + 2 <= bytes.length && items.length < MOST_ITEMS;) {
    const size = bytes.readUInt16LE(at);
    if (size < 3 || at + size > bytes.length) break;
    items.push(shellItem(bytes.subarray(at, at + size)));
    at += size;
  }
  return items;
}

/** Names of items as a path: `This PC\C:\Users`. */
export function itemPath(items: readonly ShellItem[]): string {
  return joinItems(items.map(({ name }) => name));
}

/** As `itemPath`; a name that is a network path of its own (`\\\\server\\share`) begins the path anew. */
export function joinItems(all: readonly string[]): string {
  const names = all.slice(Math.max(0, all.findLastIndex((name) => name.startsWith('\\\\'))));
  return names.map((name, i) => (i < names.length - 1 && name.endsWith('\\') ? name.slice(0, -1) : name)).join('\\');
}

/** A date and time of MS-DOS at an offset, UTC; undefined: none. */
export function dosTime(bytes: Buffer, offset: number): bigint | undefined {
  if (offset + 4 > bytes.length) return undefined;
  const [date, time] = [bytes.readUInt16LE(offset), bytes.readUInt16LE(offset + 2)];
  const [year, month, day] = [1980 + (date >> 9), (date >> 5) & 15, date & 31];
  const [hour, minute, second] = [time >> 11, (time >> 5) & 63, (time & 31) * 2];
  if (date === 0 || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59) return undefined;
  return BigInt(Date.UTC(year, month - 1, day, hour, minute, second)) * TICKS_PER_MS + UNIX_EPOCH_FILETIME;
}

/** What one item says; the size stands before it. Kinds by their class type, what Windows' own delegates put in theirs by signature. */
export function shellItem(item: Buffer): ShellItem {
  const type = item.length > 2 ? item.readUInt8(2) : 0;
  const read = bySignature(item) ?? byType(item, type);
  return read !== undefined && read.name !== '' ? read : { ...blocks(item), kind: 'unknown', name: fallbackName(item, type) };
}

function byType(item: Buffer, type: number): ShellItem | undefined {
  if (type === 0x1f) return item.length < 0x14 ? undefined : folder(guidText(item, 4));
  switch (type & 0x70) {
    case 0x20: return volume(item, type);
    case 0x30: return fileEntry(item, 0, type);
    case 0x40: return network(item);
    case 0x60: return type === 0x61 ? uri(item) : undefined;
    case 0x70: return type === 0x71 && item.length >= 0x1e ? { ...folder(guidText(item, 0x0e)), kind: 'control panel' } : undefined;
    default: return undefined;
  }
}

function folder(guid: string): ShellItem {
  return { kind: 'folder', name: knownFolder(guid) ?? guid };
}

/** `C:\`, or with 0x2e a GUID. */
function volume(item: Buffer, type: number): ShellItem | undefined {
  if (type === 0x2e && item.length >= 0x14) return folder(guidText(item, 4));
  const name = ascii(item.subarray(3));
  return name === '' ? undefined : { kind: 'volume', name };
}

function network(item: Buffer): ShellItem {
  return { kind: 'network', name: ascii(item.subarray(5)) };
}

/** Flags, the length of what describes the connection, then the address. */
function uri(item: Buffer): ShellItem | undefined {
  if (item.length < 8) return undefined;
  const at = 6 + item.readUInt16LE(4);
  const rest = item.subarray(Math.min(at, item.length));
  return { kind: 'uri', name: (item.readUInt8(3) & 0x80) !== 0 ? nameAndRest(rest).name : ascii(rest) };
}

const CONTROL_PANEL = ['All Control Panel Items', 'Appearance and Personalization', 'Hardware and Sound', 'Network and Internet', 'Sound, Speech and Audio Devices',
  'System and Security', 'Clock and Region', 'Ease of Access', 'Programs', 'User Accounts', 'Security Center', 'Mobile PC'];

/** Items whose kind stands in a signature behind the class type. */
function bySignature(item: Buffer): ShellItem | undefined {
  if (item.length >= 12 && item.readUInt32LE(4) === 0x39de2184) {
    const category = item.readUInt32LE(8);
    return { kind: 'control panel', name: CONTROL_PANEL[category] ?? `Control Panel category ${category}` };
  }
  if (item.length < 16) return undefined;
  switch (item.readUInt32LE(6)) {
    // `CFSF`: a folder of the user's files, with a file entry inside.
    case 0x46534643: return fileEntry(item, 10, item.readUInt8(12));
    case 0x23febbee: return delegated(item);
    // A search, and a view of a drive with an item inside.
    case 0x23a3dfd5: return { kind: 'folder', name: 'Search Results' };
    case 0xf5a6b710: return volume(item.subarray(10), item.readUInt8(12));
    case 0x3b93afbb: return { kind: 'network', name: displayName(item) ?? '' };
    case 0x10312005: return portableVolume(item);
    case 0x07192006: return portableFile(item);
    default: return undefined;
  }
}

/** A property store, whose length stands before it, then a folder's GUID. */
function delegated(item: Buffer): ShellItem | undefined {
  const at = 14 + item.readUInt16LE(10);
  if (item.readUInt16LE(12) === 16 && at + 16 <= item.length) return folder(guidText(item, at));
  return { kind: 'folder', name: displayName(item) ?? '' };
}

/** System.ItemNameDisplay in a property store ([MS-PROPSTORE] 2.2): sets of a GUID, in it values of length, id, type and content. */
function displayName(item: Buffer): string | undefined {
  let at = item.indexOf(STORAGE_SET);
  if (at < 0) return undefined;
  for (at += STORAGE_SET.length; at + 17 <= item.length;) {
    const size = item.readUInt32LE(at);
    if (size < 17 || at + size > item.length) return undefined;
    if (item.readUInt32LE(at + 4) === 10 && item.readUInt16LE(at + 9) === VT_LPWSTR) return nameAndRest(item.subarray(at + 17, at + size)).name;
    at += size;
  }
  return undefined;
}

/** A volume of a phone or camera: lengths of three strings in characters, then the strings. */
function portableVolume(item: Buffer): ShellItem | undefined {
  if (item.length < 0x36) return undefined;
  return { kind: 'device', name: nameAndRest(item.subarray(0x36)).name };
}

function portableFile(item: Buffer): ShellItem | undefined {
  if (item.length < 0x4a) return undefined;
  return { kind: 'device', name: nameAndRest(item.subarray(0x4a)).name, modified: filetimeAt(item, 0x1a), created: filetimeAt(item, 0x22) };
}

/** A file or directory; `base` is 0, or where the item lies in another. Its long name is in an extension block. */
function fileEntry(item: Buffer, base: number, type: number): ShellItem | undefined {
  const nameAt = base + 14;
  if (item.length < nameAt + 2) return undefined;
  const rest = item.subarray(nameAt);
  const primary = (type & 0x04) !== 0 ? nameAndRest(rest).name : ascii(rest);
  const extension = blocks(item);
  const name = extension.name ?? primary;
  return {
    ...extension,
    kind: (type & 0x01) !== 0 ? 'directory' : 'file',
    name,
    size: (type & 0x01) !== 0 ? undefined : item.readUInt32LE(base + 4),
    modified: dosTime(item, base + 8),
    shortName: primary === name ? undefined : primary,
  };
}

type Extension = Pick<ShellItem, 'created' | 'accessed' | 'mftRecord' | 'mftSequence'> & { readonly name?: string };

/** What the extension blocks say: size, version, signature 0xbeef00xx, content. They begin where the item's last word says, or are found by their signature. */
function blocks(item: Buffer): Extension {
  let at = item.length >= 6 ? item.readUInt16LE(item.length - 2) : 0;
  if (!isBlock(item, at)) at = firstBlock(item);
  let found: Extension = {};
  for (let n = 0; n < 16 && isBlock(item, at); n += 1) {
    const block = item.subarray(at, at + item.readUInt16LE(at));
    const signature = block.readUInt32LE(4);
    if (signature === FILE_ENTRY_BLOCK) found = { ...found, ...fileEntryBlock(block) };
    else if (signature === FOLDER_BLOCK && found.created === undefined && block.length >= 0x24) found = { ...found, created: filetimeAt(block, 0x0c), accessed: filetimeAt(block, 0x1c) };
    at += block.length;
  }
  return found;
}

function isBlock(item: Buffer, at: number): boolean {
  if (at < 4 || at + 10 > item.length) return false;
  const size = item.readUInt16LE(at);
  return size >= 10 && at + size <= item.length && item.readUInt16LE(at + 6) === 0xbeef;
}

/** Where the first thing that looks like a block begins; -1: nowhere. */
function firstBlock(item: Buffer): number {
  for (let mark = item.indexOf(MARK); mark >= 0; mark = item.indexOf(MARK, mark + 1)) {
    if (isBlock(item, mark - 6)) return mark - 6;
  }
  return -1;
}

/** Block 0xbeef0004: times, from version 7 on the MFT reference, from version 3 on the long name. */
function fileEntryBlock(block: Buffer): Extension {
  if (block.length < 0x12) return {};
  const version = block.readUInt16LE(2);
  const times = { created: dosTime(block, 8), accessed: dosTime(block, 12) };
  if (version < 3) return times;
  let at = 0x12;
  let mft: Extension = {};
  if (version >= 7) {
    if (block.length < 0x24) return times;
    const sequence = block.readUInt16LE(0x1a);
    if (sequence !== 0) mft = { mftRecord: Number(block.readBigUInt64LE(0x14) & 0xffff_ffff_ffffn), mftSequence: sequence };
    at = 0x24;
  }
  at += 2 + (version >= 9 ? 4 : 0) + (version >= 8 ? 4 : 0);
  const name = at < block.length ? nameAndRest(block.subarray(at)).name : '';
  return name === '' ? { ...times, ...mft } : { ...times, ...mft, name };
}

const LETTERS = /[\x20-\x7e]{4,}/;
const WIDE_LETTERS = /(?:[\x20-\x7e]\0){4,}/;

/** What can be read in an item of an unknown kind, so that the path says something; else its class type. */
function fallbackName(item: Buffer, type: number): string {
  const characters = item.toString('latin1', 3);
  const readable = WIDE_LETTERS.exec(characters)?.[0].replaceAll('\0', '') ?? LETTERS.exec(characters)?.[0];
  return `{item 0x${hex(type, 2)}${readable === undefined ? '' : ` ${readable}`}}`;
}
