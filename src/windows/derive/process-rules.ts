import type { Sample } from './evidence.js';
import { readPeb, type ProcessContext } from './process-context.js';
import type { FieldRule } from './rule.js';
import { EPROCESS_WINDOW } from './system.js';

type Rule = FieldRule<ProcessContext>;

/** High words of FILETIMEs of 2000 and 2100: clocks of running machines lie between. */
const FIRST_TIME = 0x01bf_53eb;
const LAST_TIME = 0x0230_0000;
const MAX_PID = 0x1000_0000;
const MAX_PHYSICAL = 2 ** 48;
/** STATUS_PENDING: the exit status of what has not ended. */
const PENDING = 0x103;
/** SYSTEM_LUID, the logon session of System. */
const SYSTEM_LOGON = 0x3e7;
const DEVICE = Buffer.from('\\Device\\', 'utf16le');

const afterLinks = ({ list, look }: ProcessContext): readonly [number, number] => [list.linksOffset + 2 * look.pointerSize, EPROCESS_WINDOW - 16];

/** A FILETIME of this century that is not later than the image. */
function isTime(sample: Sample, offset: number, context: ProcessContext): boolean {
  const high = sample.words[(offset >>> 2) + 1]!;
  if (high < FIRST_TIME || high > (context.lastTime ?? LAST_TIME)) return false;
  const name = context.offset('ImageFileName');
  return name === undefined || offset + 8 <= name || offset >= name + 15;
}

/** Fields of `_EPROCESS`, each resting on those above it. */
export const PROCESS_RULES: readonly Rule[] = [
  {
    struct: '_EPROCESS', path: 'Pcb.DirectoryTableBase', type: 'word',
    range: ({ list }) => [0, list.pidOffset],
    how: 'a page table that maps System\'s _EPROCESS to the frame where it lies',
    test: (sample, offset, context) => {
      const dtb = context.look.numberAt(sample, offset);
      if (dtb === undefined) return 'no';
      const table = context.look.space.mode.tableOf(dtb);
      if (table <= 0 || table >= MAX_PHYSICAL) return context.isSystem(sample) ? 'no' : dtb === 0 ? 'silent' : 'no';
      return context.spaceBy(dtb) !== undefined ? 'yes' : context.isSystem(sample) ? 'no' : 'silent';
    },
  },
  {
    struct: '_EPROCESS', path: 'ImageFileName', type: 'unsigned char[15]', step: 1,
    range: afterLinks,
    how: '"System" in System, printable names in all others',
    test: (sample, offset, context) => {
      if (context.isSystem(sample)) return sample.bytes.toString('latin1', offset, offset + 8) === 'System\0\0' ? 'yes' : 'no';
      for (let i = 0; i < 15; i += 1) {
        const byte = sample.bytes[offset + i]!;
        if (byte === 0) return i === 0 ? 'no' : 'yes';
        if (byte < 0x20 || byte === 0x7f) return 'no';
      }
      return 'yes';
    },
  },
  {
    struct: '_EPROCESS', path: 'CreateTime', type: '_LARGE_INTEGER', step: 8,
    range: () => [8, EPROCESS_WINDOW - 16],
    how: 'a time of this century in every process, none before System\'s',
    test: (sample, offset, context) => {
      if (!isTime(sample, offset, context)) return context.isSystem(sample) && sample.words[offset >>> 2] === 0 ? 'silent' : 'no';
      const system = context.samples[0]!;
      if (sample === system || !isTime(system, offset, context)) return 'yes';
      return sample.bytes.readBigUInt64LE(offset) >= system.bytes.readBigUInt64LE(offset) ? 'yes' : 'no';
    },
  },
  {
    struct: '_EPROCESS', path: 'InheritedFromUniqueProcessId', type: '*void',
    range: afterLinks,
    how: 'the PID of a listed process that is older; zero in System',
    nearly: 0.8, copies: 'OwnerProcessId behind it is mostly the same',
    test: (sample, offset, context) => {
      const value = context.look.numberAt(sample, offset);
      if (context.isSystem(sample)) return value === 0 ? 'silent' : 'no';
      if (value === undefined || value === 0 || value % 4 !== 0 || value >= MAX_PID || value === context.pid(sample)) return 'no';
      const parent = context.pids.get(value);
      if (parent === undefined) return 'silent';
      const [born, own] = [context.time(parent, 'CreateTime') ?? 0n, context.time(sample, 'CreateTime') ?? 0n];
      return born <= own ? 'yes' : 'silent';
    },
  },
  {
    struct: '_EPROCESS', path: 'Peb', type: '*_PEB',
    range: afterLinks,
    how: 'a page of the process itself with the image\'s base, parameters and loader lists that go round; none in System',
    test: (sample, offset, context) => {
      const { look } = context;
      if (look.zeroAt(sample, offset)) return 'silent';
      if (context.isSystem(sample) || (sample.words[offset >>> 2]! & 0xfff) !== 0 || !look.userAt(sample, offset)) return 'no';
      const space = context.space(sample);
      if (space === undefined) return 'silent';
      const address = look.word(sample.bytes, offset);
      const peb = readPeb(look, space, address, look.pointerSize);
      if (peb !== undefined) return peb.lists ? 'yes' : 'silent';
      return space.translate(address) === undefined ? 'silent' : 'no';
    },
  },
  {
    struct: '_EPROCESS', path: 'SectionBaseAddress', type: '*void',
    range: afterLinks,
    how: 'the image\'s base that the PEB names',
    test: (sample, offset, context) => {
      const peb = context.peb(sample);
      if (peb?.lists !== true) return 'silent';
      return context.look.word(sample.bytes, offset) === peb.imageBase ? 'yes' : 'no';
    },
  },
  {
    struct: '_EPROCESS', path: 'WoW64Process', type: '*_EWOW64PROCESS', atLeast: 1,
    range: (context) => (context.look.pointerSize === 8 && context.offset('Peb') !== undefined ? afterLinks(context) : undefined),
    how: 'leads to a 32-bit PEB that names the same image base',
    test: (sample, offset, context) => {
      const { look } = context;
      if (look.zeroAt(sample, offset)) return 'silent';
      const peb = context.peb(sample);
      const space = context.space(sample);
      const address = look.word(sample.bytes, offset);
      const at = look.kernelAt(sample, offset) ? look.pointer(address) : address;
      if (context.isSystem(sample) || (!look.kernelAt(sample, offset) && !look.userAt(sample, offset))) return 'no';
      if (peb === undefined || space === undefined || at === undefined) return 'silent';
      if (at % 0x1000n !== 0n || at >= 0x1_0000_0000n || at === 0n || at === peb.address) return 'no';
      const peb32 = readPeb(look, space, at, 4);
      if (peb32 === undefined) return space.translate(at) === undefined ? 'silent' : 'no';
      return peb32.imageBase === peb.imageBase ? 'yes' : 'no';
    },
  },
  {
    struct: '_EPROCESS', path: 'Session', type: '*_MM_SESSION_SPACE',
    range: afterLinks,
    how: 'a session whose number is the PEB\'s',
    test: (sample, offset, context) => {
      const { look } = context;
      if (look.zeroAt(sample, offset)) return context.peb(sample)?.lists === true ? 'no' : 'silent';
      if (!look.kernelAt(sample, offset)) return 'no';
      const session = context.peb(sample)?.sessionId;
      if (session === undefined) return 'silent';
      // Its memory is that of the session: mapped by its own processes alone.
      const id = (context.space(sample) ?? look.space).read(look.word(sample.bytes, offset) + 8n, 4)?.readUInt32LE(0);
      // Zero is found everywhere: only the other sessions prove something.
      return id === undefined ? 'silent' : id !== session ? 'no' : session === 0 ? 'silent' : 'yes';
    },
  },
  {
    struct: '_EPROCESS', path: 'Token', type: '_EX_FAST_REF',
    range: afterLinks,
    how: 'a token: its source\'s name or pool tag; in System the logon session of the system',
    test: (sample, offset, context) => {
      const { look } = context;
      if (look.zeroAt(sample, offset)) return context.isSystem(sample) ? 'no' : 'silent';
      if (!look.kernelAt(sample, offset)) return 'no';
      const mask = look.pointerSize === 8 ? ~0xfn : ~0x7n;
      const token = look.word(sample.bytes, offset) & mask;
      const bytes = look.space.read(token, 0x20);
      if (bytes === undefined) return 'silent';
      if (!isTokenSource(bytes) && !hasTokenTag(context, token)) return 'no';
      return context.isSystem(sample) && bytes.readUInt32LE(0x18) !== SYSTEM_LOGON ? 'no' : 'yes';
    },
  },
  {
    struct: '_EPROCESS', path: 'ObjectTable', type: '*_HANDLE_TABLE',
    range: afterLinks,
    how: 'a handle table: a page of entries, and the way back to its process',
    test: (sample, offset, context) => {
      const { look } = context;
      if (look.zeroAt(sample, offset)) return context.isSystem(sample) ? 'no' : 'silent';
      if (!look.kernelAt(sample, offset) || sample.words[offset >>> 2]! % look.pointerSize !== 0) return 'no';
      const bytes = look.space.read(look.word(sample.bytes, offset), 0x40);
      if (bytes === undefined) return 'silent';
      if (!hasTableCode(bytes, context)) return 'no';
      return namesOwner(bytes, sample, context) ? 'yes' : 'no';
    },
  },
  {
    struct: '_EPROCESS', path: 'SeAuditProcessCreationInfo.ImageFileName', type: '*_OBJECT_NAME_INFORMATION',
    range: afterLinks,
    how: 'leads to a name that begins with \\Device\\',
    test: (sample, offset, context) => {
      const { look } = context;
      if (look.zeroAt(sample, offset)) return 'silent';
      if (!look.kernelAt(sample, offset) || sample.words[offset >>> 2]! % 4 !== 0) return 'no';
      const string = look.space.read(look.word(sample.bytes, offset), 2 * look.pointerSize);
      if (string === undefined) return 'silent';
      const [length, most] = [string.readUInt16LE(0), string.readUInt16LE(2)];
      const buffer = look.word(string, look.pointerSize);
      if (length === 0) return buffer === 0n || look.isKernel(buffer) ? 'silent' : 'no';
      if (length % 2 !== 0 || most < length || !look.isKernel(buffer)) return 'no';
      const text = look.space.read(buffer, DEVICE.length);
      return text === undefined ? 'silent' : text.equals(DEVICE) ? 'yes' : 'no';
    },
  },
  {
    struct: '_EPROCESS', path: 'ExitStatus', type: 'long', step: 4,
    range: afterLinks,
    how: 'STATUS_PENDING in nearly every process',
    tolerance: 0.34,
    test: (sample, offset) => (sample.words[offset >>> 2] === PENDING ? 'yes' : 'no'),
  },
  {
    struct: '_EPROCESS', path: 'ExitTime', type: '_LARGE_INTEGER', step: 8, atLeast: 1,
    range: (context) => (context.offset('CreateTime') === undefined ? undefined : [8, EPROCESS_WINDOW - 16]),
    how: 'zero, or a time after the process\'s creation where its exit status is not STATUS_PENDING',
    test: (sample, offset, context) => {
      const status = context.dword(sample, 'ExitStatus');
      if (sample.words[offset >>> 2] === 0 && sample.words[(offset >>> 2) + 1] === 0) return 'silent';
      if (!isTime(sample, offset, context) || offset === context.offset('CreateTime')) return 'no';
      if (status === PENDING) return 'no';
      return sample.bytes.readBigUInt64LE(offset) >= (context.time(sample, 'CreateTime') ?? 0n) ? 'yes' : 'no';
    },
  },
];

/** Corresponds to `_TOKEN.TokenSource.SourceName`: eight characters, spaces or NULs at the end. */
function isTokenSource(bytes: Buffer): boolean {
  return /^[A-Za-z*<][\x20-\x7e]{2,7}\0*$/.test(bytes.toString('latin1', 0, 8));
}

/** `Toke`, its protected bit set or not, in the pool header before the optional headers of an object. */
function hasTokenTag({ look }: ProcessContext, token: bigint): boolean {
  const before = look.space.read(token - BigInt(TAG_REACH), TAG_REACH);
  if (before === undefined) return false;
  for (let at = 4; at < TAG_REACH; at += look.pointerSize) if (/^Tok[e\xe5]$/.test(before.toString('latin1', at, at + 4))) return true;
  return false;
}

/** Bytes before an object's body in which its pool header lies. */
const TAG_REACH = 0xa0;
/** Where TableCode may lie: at the start until Windows 7, behind two words since 8. */
const TABLE_CODE_AT = [8, 0] as const;

/** A page of the kernel and a level of at most two. */
function hasTableCode(bytes: Buffer, { look }: ProcessContext): boolean {
  return TABLE_CODE_AT.some((at) => {
    const code = look.word(bytes, at);
    return look.isKernel(code) && (code & 0xff8n) === 0n && (code & 7n) <= 2n;
  });
}

/** QuotaProcess or, where no quota is charged, UniqueProcessId. */
function namesOwner(bytes: Buffer, sample: Sample, context: ProcessContext): boolean {
  const { look } = context;
  const pid = context.pid(sample);
  for (let at = look.pointerSize; at + look.pointerSize <= bytes.length; at += look.pointerSize) {
    if (look.word(bytes, at) === sample.address || bytes.readUInt32LE(at) === pid) return true;
  }
  return false;
}
