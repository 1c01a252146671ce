import type { StructFact } from '../../profile/profile.js';
import type { Sample } from './evidence.js';
import type { ProcessContext } from './process-context.js';
import type { FieldRule } from './rule.js';

/** What the rules for handle tables know: whose each is. */
export interface TableContext {
  readonly process: ProcessContext;
  readonly owners: ReadonlyMap<bigint, Sample>;
}

const LEVELS = 2n;
const TABLE_WINDOW = 0x80;
const WIDEST_PID = 0x40;

/** Fields of `_HANDLE_TABLE`. */
export const TABLE_RULES: readonly FieldRule<TableContext>[] = [
  {
    struct: '_HANDLE_TABLE', path: 'TableCode', type: 'word',
    range: () => [0, 0x18],
    how: 'a page of the kernel, its low bits a level of at most two',
    test: (sample, offset, { process: { look } }) => {
      const code = look.word(sample.bytes, offset);
      return look.isKernel(code) && (code & 0xff8n) === 0n && (code & 7n) <= LEVELS ? 'yes' : 'no';
    },
  },
  {
    struct: '_HANDLE_TABLE', path: 'QuotaProcess', type: '*_EPROCESS',
    range: () => [4, WIDEST_PID],
    how: 'the process that owns the table',
    test: (sample, offset, { process, owners }) => {
      const owner = owners.get(sample.address);
      if (owner === undefined || process.look.zeroAt(sample, offset)) return 'silent';
      return process.look.word(sample.bytes, offset) === owner.address ? 'yes' : 'no';
    },
  },
  {
    struct: '_HANDLE_TABLE', path: 'UniqueProcessId', type: 'unsigned long',
    range: () => [4, WIDEST_PID],
    how: 'the PID of the process that owns the table',
    test: (sample, offset, { process, owners }) => {
      const owner = owners.get(sample.address);
      return owner === undefined ? 'silent' : sample.words[offset >>> 2] === process.pid(owner) ? 'yes' : 'no';
    },
  },
  {
    struct: '_HANDLE_TABLE', path: 'HandleTableList', type: '_LIST_ENTRY',
    range: () => [4, TABLE_WINDOW - 16],
    how: 'neighbours on a list that lead back to it',
    test: (sample, offset, { process: { look } }) => {
      if (!look.kernelAt(sample, offset) || !look.kernelAt(sample, offset + look.pointerSize)) return 'no';
      const place = sample.address + BigInt(offset);
      const flink = look.word(sample.bytes, offset);
      const back = flink === place ? undefined : look.pointer(flink + BigInt(look.pointerSize));
      return back === undefined ? (flink === place ? 'no' : 'silent') : back === place ? 'yes' : 'no';
    },
  },
];

/** A form of `_HANDLE_TABLE_ENTRY`. */
export interface EntryForm {
  readonly name: string;
  readonly pointerSize: 4 | 8;
  readonly fact: StructFact;
  /** Bits of an address; undefined: as many as there are without a fifth level of page tables. */
  readonly virtualBits?: number;
  /** The address of the object's header. */
  readonly header: (low: bigint) => bigint;
}

const signed = (value: bigint, bits: number): bigint => BigInt.asUintN(64, BigInt.asIntN(bits, value));

/** Forms by the symbols of the builds named. */
export const ENTRY_FORMS: readonly EntryForm[] = [
  { name: 'Windows 8.1 and later', pointerSize: 8, header: (word) => signed((word >> 20n) << 4n, 48),
    fact: [16, [['LowValue', 0, 'long long'], ['ObjectPointerBits', 0, 'unsigned long long:20,44'], ['GrantedAccessBits', 8, 'unsigned long:0,25']]] },
  // Addresses of 57 bits above their alignment.
  { name: 'Windows 8', pointerSize: 8, header: (word) => signed((word >> 23n) << 4n, 45),
    fact: [16, [['LowValue', 0, 'long long'], ['ObjectPointerBits', 0, 'unsigned long long:23,41'], ['GrantedAccessBits', 8, 'unsigned long:0,25']]] },
  { name: 'five levels of page tables', pointerSize: 8, virtualBits: 57, header: (word) => signed((word >> 11n) << 4n, 57),
    fact: [16, [['LowValue', 0, 'long long'], ['ObjectPointerBits', 0, 'unsigned long long:11,53'], ['GrantedAccessBits', 8, 'unsigned long:0,25']]] },
  { name: 'Windows XP to 7', pointerSize: 8, header: (word) => word & ~7n,
    fact: [16, [['Object', 0, '*void'], ['GrantedAccess', 8, 'unsigned long']]] },
  { name: 'Windows XP to 7', pointerSize: 4, header: (word) => (word & 1n) === 0n && (word & ~7n) === 0n ? 0n : word & ~7n,
    fact: [8, [['Object', 0, '*void'], ['GrantedAccess', 4, 'unsigned long']]] },
  { name: 'Windows 8 and later', pointerSize: 4, header: (word) => word & ~7n,
    fact: [8, [['LowValue', 0, 'long'], ['ObjectPointerBits', 0, 'unsigned long:3,29'], ['GrantedAccessBits', 4, 'unsigned long:0,25']]] },
];

/** A form of `_OBJECT_HEADER`. */
export interface HeaderForm {
  readonly name: string;
  readonly pointerSize: 4 | 8;
  readonly body: number;
  /** Where the type's index lies, or a pointer to the type. */
  readonly type: number;
  readonly indexed: boolean;
  readonly fact: StructFact;
}

/** Forms by the symbols of the builds named. A pointer to the type says more than an index: those come first. */
export const HEADER_FORMS: readonly HeaderForm[] = [
  { name: 'Windows XP to Vista', pointerSize: 8, body: 0x30, type: 0x10, indexed: false, fact: [0x38, [
    ['PointerCount', 0, 'long long'], ['HandleCount', 8, 'long long'], ['Type', 0x10, '*_OBJECT_TYPE'], ['NameInfoOffset', 0x18, 'unsigned char'],
    ['HandleInfoOffset', 0x19, 'unsigned char'], ['QuotaInfoOffset', 0x1a, 'unsigned char'], ['Flags', 0x1b, 'unsigned char'], ['SecurityDescriptor', 0x28, '*void'], ['Body', 0x30, 'unsigned long long']]] },
  { name: 'Windows XP to Vista', pointerSize: 4, body: 0x18, type: 8, indexed: false, fact: [0x20, [
    ['PointerCount', 0, 'long'], ['HandleCount', 4, 'long'], ['Type', 8, '*_OBJECT_TYPE'], ['NameInfoOffset', 0xc, 'unsigned char'],
    ['HandleInfoOffset', 0xd, 'unsigned char'], ['QuotaInfoOffset', 0xe, 'unsigned char'], ['Flags', 0xf, 'unsigned char'], ['SecurityDescriptor', 0x14, '*void'], ['Body', 0x18, 'unsigned long long']]] },
  { name: 'Windows 7 and later', pointerSize: 8, body: 0x30, type: 0x18, indexed: true, fact: [0x38, [
    ['PointerCount', 0, 'long long'], ['HandleCount', 8, 'long long'], ['TypeIndex', 0x18, 'unsigned char'], ['InfoMask', 0x1a, 'unsigned char'], ['Flags', 0x1b, 'unsigned char'],
    ['SecurityDescriptor', 0x28, '*void'], ['Body', 0x30, 'unsigned long long']]] },
  { name: 'Windows 7 and later', pointerSize: 4, body: 0x18, type: 0xc, indexed: true, fact: [0x20, [
    ['PointerCount', 0, 'long'], ['HandleCount', 4, 'long'], ['TypeIndex', 0xc, 'unsigned char'], ['InfoMask', 0xe, 'unsigned char'], ['Flags', 0xf, 'unsigned char'],
    ['SecurityDescriptor', 0x14, '*void'], ['Body', 0x18, 'unsigned long long']]] },
];

/** Places of Name, Index and Key in `_OBJECT_TYPE`, by the symbols of XP to 11. */
export const TYPE_FORMS = [
  { pointerSize: 8, name: 0x10, index: 0x28, key: 0xc0 },
  { pointerSize: 8, name: 0x10, index: 0x28, key: 0xb8 },
  { pointerSize: 8, name: 0x10, index: 0x28, key: 0x120 },
  { pointerSize: 8, name: 0x78, index: 0x90, key: 0x118 },
  { pointerSize: 4, name: 8, index: 0x14, key: 0x84 },
  { pointerSize: 4, name: 8, index: 0x14, key: 0x7c },
  { pointerSize: 4, name: 8, index: 0x14, key: 0xb4 },
  { pointerSize: 4, name: 0x40, index: 0x4c, key: 0xac },
] as const;
