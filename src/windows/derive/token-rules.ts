import type { Sample } from './evidence.js';
import type { ProcessContext } from './process-context.js';
import type { FieldRule } from './rule.js';

/** What the rules for `_TOKEN` know: whose primary token each is, and its groups once they are found. */
export interface TokenContext {
  readonly process: ProcessContext;
  readonly owners: ReadonlyMap<bigint, Sample>;
  readonly known: Map<string, number>;
}

const MAX_GROUPS = 1024;
const TOKEN_WINDOW = 0x180;
/** Identifier authorities ([MS-DTYP] 2.4.1): SECURITY_NT_AUTHORITY, SECURITY_MANDATORY_LABEL_AUTHORITY. */
const NT_AUTHORITY = 5;
const MANDATORY_LABEL = 16;
/** SECURITY_LOCAL_SYSTEM_RID. */
const LOCAL_SYSTEM = 18;
/** Privileges known are 2 to 36. */
const LAST_PRIVILEGE = 64n;

/** A SID's authority and its first sub-authority; undefined when the bytes are absent or no SID. */
function sidAt({ process: { look } }: TokenContext, address: bigint): { readonly authority: number; readonly first: number } | undefined {
  if (!look.isKernel(address)) return undefined;
  const bytes = look.space.read(address, 12);
  if (bytes === undefined || bytes[0] !== 1 || bytes[1]! < 1 || bytes[1]! > 15 || bytes.readUInt32BE(2) !== 0) return undefined;
  return { authority: bytes.readUInt16BE(6), first: bytes.readUInt32LE(8) };
}

/** The SID of a group by its index. */
function groupAt(context: TokenContext, sample: Sample, index: number): ReturnType<typeof sidAt> {
  const { look } = context.process;
  const at = context.known.get('UserAndGroups');
  if (at === undefined) return undefined;
  const entry = look.word(sample.bytes, at) + BigInt(index * 2 * look.pointerSize);
  const sid = look.pointer(entry);
  return sid === undefined ? undefined : sidAt(context, sid);
}

/** Fields of `_TOKEN`, each resting on those above it. TokenSource, TokenId and AuthenticationId begin it in every build. */
export const TOKEN_RULES: readonly FieldRule<TokenContext>[] = [
  {
    struct: '_TOKEN', path: 'UserAndGroups', type: '*_SID_AND_ATTRIBUTES',
    range: () => [0x40, TOKEN_WINDOW - 16],
    how: 'an array of SIDs; System\'s first is LOCAL SYSTEM',
    test: (sample, offset, context) => {
      const { look } = context.process;
      if (!look.kernelAt(sample, offset)) return 'no';
      const first = look.pointer(look.word(sample.bytes, offset));
      if (first === undefined) return 'silent';
      const sid = sidAt(context, first);
      if (sid === undefined) return look.isKernel(first) && look.space.translate(first) === undefined ? 'silent' : 'no';
      const owner = context.owners.get(sample.address);
      const isSystem = owner !== undefined && context.process.isSystem(owner);
      return isSystem && (sid.authority !== NT_AUTHORITY || sid.first !== LOCAL_SYSTEM) ? 'no' : 'yes';
    },
  },
  {
    struct: '_TOKEN', path: 'UserAndGroupCount', type: 'unsigned long', step: 4,
    range: ({ known }) => (known.has('UserAndGroups') ? [0x20, TOKEN_WINDOW - 16] : undefined),
    // Restricting SIDs may stand right behind.
    how: 'so many SIDs stand in the array, and no more', tolerance: 0.3,
    test: (sample, offset, context) => {
      const count = sample.words[offset >>> 2]!;
      if (count === 0 || count > MAX_GROUPS) return 'no';
      const [last, beyond] = [groupAt(context, sample, count - 1), groupAt(context, sample, count)];
      return last !== undefined && beyond === undefined ? 'yes' : 'no';
    },
  },
  {
    struct: '_TOKEN', path: 'IntegrityLevelIndex', type: 'unsigned long', step: 4,
    range: ({ known }) => (known.has('UserAndGroups') ? [0x40, TOKEN_WINDOW - 16] : undefined),
    how: 'the index of a mandatory label among the SIDs', tolerance: 0.1,
    test: (sample, offset, context) => {
      const index = sample.words[offset >>> 2]!;
      return index < MAX_GROUPS && groupAt(context, sample, index)?.authority === MANDATORY_LABEL ? 'yes' : 'no';
    },
  },
  {
    struct: '_TOKEN', path: 'SessionId', type: 'unsigned long', step: 4,
    range: () => [0x40, 0xa0],
    how: 'the session that the PEB names',
    test: (sample, offset, context) => {
      const owner = context.owners.get(sample.address);
      const session = owner === undefined ? undefined : context.process.peb(owner)?.sessionId;
      if (session === undefined) return 'silent';
      return sample.words[offset >>> 2] !== session ? 'no' : session === 0 ? 'silent' : 'yes';
    },
  },
  {
    struct: '_TOKEN', path: 'Privileges.Present', type: 'unsigned long long', step: 8,
    range: () => [0x38, 0xc0],
    how: 'sets of privileges: what is enabled is present',
    copies: 'the sets behind it are parts of it',
    test: (sample, offset) => {
      const [present, enabled] = [sample.bytes.readBigUInt64LE(offset), sample.bytes.readBigUInt64LE(offset + 8)];
      if ((present & 3n) !== 0n || present >= 1n << LAST_PRIVILEGE - 24n) return 'no';
      if (present === 0n) return enabled === 0n ? 'silent' : 'no';
      return (enabled & ~present) === 0n && enabled !== 0n ? 'yes' : 'silent';
    },
  },
];
export { TOKEN_WINDOW };
