import type { Column, Table } from '../vfs/column.js';

/** Bytes of memory shown beside a hit: some before it, the rest from its first byte on. */
export const CONTEXT_BEFORE = 8;
export const CONTEXT = 32;

/** Who has the memory of a hit. */
export interface HitOwner {
  readonly pid: number;
  readonly process: string;
  /** The hit's virtual address there. */
  readonly address: bigint;
  /** The module, file or use of the memory, and how far into it the hit is. */
  readonly region: string | undefined;
}

/** Something that a search found. */
export interface Hit {
  /** Virtual or, of a search through physical memory, physical. */
  readonly address: bigint;
  /** Bytes that match. */
  readonly length: number;
  /** Up to CONTEXT bytes around its beginning. */
  readonly context: Uint8Array;
  /** Bytes of `context` that lie before the hit. */
  readonly before: number;
  readonly encoding?: 'ascii' | 'utf16' | undefined;
  readonly owner?: HitOwner | undefined;
  /** Of a YARA rule's match. */
  readonly rule?: HitRule | undefined;
}

export interface HitRule {
  readonly name: string;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, unknown>>;
  /** The pattern, `$a`; undefined: the condition alone. */
  readonly pattern: string | undefined;
}

/** Bytes as a line of characters; what is none is a dot, and zeros between characters (UTF-16) are left out. */
export function contextText({ context: bytes, before, encoding }: Pick<Hit, 'context' | 'before' | 'encoding'>): string {
  const text = Array.from(bytes, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.'));
  if (encoding !== 'utf16') return text.join('');
  return text.filter((_, i) => (i - before) % 2 === 0 || bytes[i] !== 0).join('');
}

const ADDRESS: Column<Hit> = { name: 'address', csv: 'Address', kind: 'address', value: ({ address }) => address, text: { width: 16, align: 'right' }, doc: 'where the hit begins' };
const LENGTH: Column<Hit> = { name: 'length', csv: 'Length', kind: 'decimal', value: ({ length }) => length, doc: 'bytes that match' };
const ENCODING: Column<Hit> = {
  name: 'encoding', csv: 'Encoding', kind: 'text', ours: true, value: ({ encoding }) => encoding, text: { width: 5, align: 'left' }, doc: 'ascii (or UTF-8), utf16',
};
const PID: Column<Hit> = { name: 'pid', csv: 'PID', kind: 'decimal', value: ({ owner }) => owner?.pid, doc: 'a process that has the memory mapped' };
const PROCESS: Column<Hit> = { name: 'process', csv: 'Process', kind: 'text', value: ({ owner }) => owner?.process, doc: 'its name' };
const VIRTUAL: Column<Hit> = { name: 'virtual_address', csv: 'VirtualAddress', kind: 'address', value: ({ owner }) => owner?.address, doc: 'the hit\'s address there' };
const REGION: Column<Hit> = {
  name: 'region', csv: 'Region', kind: 'text', value: ({ owner }) => owner?.region, doc: 'the module, file or use of the memory, and how far into it the hit is',
};
const CONTEXT_TEXT: Column<Hit> = { name: 'context', csv: 'Context', kind: 'text', value: contextText, doc: `${CONTEXT} bytes around its beginning as characters` };
const BYTES: Column<Hit> = { name: 'context_hex', csv: 'ContextHex', kind: 'text', ours: true, value: ({ context }) => Buffer.from(context).toString('hex'), doc: 'the same in hex' };
const RULE: readonly Column<Hit>[] = [
  { name: 'rule', csv: 'Rule', kind: 'text', value: ({ rule }) => rule?.name, text: { width: 24, align: 'left' }, doc: 'the YARA rule' },
  { name: 'pattern', csv: 'String', kind: 'text', ours: true, value: ({ rule }) => rule?.pattern, text: { width: 8, align: 'left' }, doc: 'its pattern that matched here; nothing when its condition asks for none' },
];
const RULE_MORE: readonly Column<Hit>[] = [
  { name: 'tags', csv: 'Tags', kind: 'text', value: ({ rule }) => rule?.tags.join(' '), doc: 'the rule\'s tags' },
  { name: 'meta', csv: 'Meta', kind: 'text', value: ({ rule }) => metaText(rule?.meta ?? {}), doc: 'what the rule says of itself' },
];

/** `author=me severity=3`. */
export function metaText(meta: Readonly<Record<string, unknown>>): string {
  return Object.entries(meta).map(([name, value]) => `${name}=${String(value)}`).join(' ');
}

/** The column in the text too. */
const shown = (column: Column<Hit>, width: number, align: 'left' | 'right' = 'left'): Column<Hit> => ({ ...column, text: { width, align } });
const REGION_SHOWN = shown(REGION, 40);
const CONTEXT_SHOWN = shown(CONTEXT_TEXT, CONTEXT);
const OWNER = [shown(PID, 6, 'right'), shown(PROCESS, 15), shown(VIRTUAL, 16, 'right'), REGION_SHOWN] as const;
const OWN = [PID, PROCESS, REGION_SHOWN] as const;

/** Texts found in the virtual memory of a process. */
export const STRINGS_FOUND: Table<Hit> = {
  name: 'strings_found', doc: 'Texts that a search of a process\'s virtual memory found.',
  heading: '   #          Address Enc   Region                                   Context', index: 4,
  columns: [ADDRESS, ENCODING, LENGTH, ...OWN, CONTEXT_SHOWN, BYTES],
};

/** Texts found in physical memory. */
export const STRINGS_FOUND_PHYSICAL: Table<Hit> = {
  name: 'strings_found_physical', doc: 'Texts that a search of physical memory found, and who has that memory.',
  heading: '   #          Address Enc      PID Process          Virtual Address  Region                                   Context', index: 4,
  columns: [ADDRESS, ENCODING, LENGTH, ...OWNER, CONTEXT_SHOWN, BYTES],
};

/** Bytes found; the text is the addresses alone, as analysts' scripts expect it. */
export const BYTES_FOUND: Table<Hit> = {
  name: 'bytes_found', doc: 'Bytes that a search found.', heading: 'Address',
  columns: [ADDRESS, LENGTH, PID, PROCESS, VIRTUAL, REGION, CONTEXT_TEXT, BYTES],
};

/** What YARA rules matched in the virtual memory of a process. */
export const YARA_FOUND: Table<Hit> = {
  name: 'yara_found', doc: 'What YARA rules matched in a process\'s virtual memory.',
  heading: '   # Rule                     String            Address Region                                   Context', index: 4,
  columns: [...RULE, ADDRESS, LENGTH, ...OWN, CONTEXT_SHOWN, BYTES, ...RULE_MORE],
};

/** What YARA rules matched in physical memory. */
export const YARA_FOUND_PHYSICAL: Table<Hit> = {
  name: 'yara_found_physical', doc: 'What YARA rules matched in physical memory, and who has that memory.',
  heading: '   # Rule                     String            Address    PID Process          Virtual Address  Region                                   Context', index: 4,
  columns: [...RULE, ADDRESS, LENGTH, ...OWNER, CONTEXT_SHOWN, BYTES, ...RULE_MORE],
};
