import type { SyntheticKernel } from './kernel-image.js';
import type { Objects } from './objects.js';

export interface TokenSpec {
  readonly user: string;
  /** Group SIDs with their SE_GROUP_* attributes. */
  readonly groups?: readonly (readonly [sid: string, attributes: number])[];
  /** `S-1-16-…`; the token's last group. */
  readonly integrity?: string;
  readonly session?: number;
  readonly luid?: bigint;
  /** Privileges as bits by LUID. */
  readonly present?: bigint;
  readonly enabled?: bigint;
  readonly enabledByDefault?: bigint;
}

/** The bytes of a SID ([MS-DTYP] 2.4.2.2). */
export function sidBytes(sid: string): Buffer {
  const [authority = 0, ...parts] = sid.split('-').slice(2).map(Number);
  const bytes = Buffer.alloc(8 + parts.length * 4);
  bytes.writeUInt8(1, 0);
  bytes.writeUInt8(parts.length, 1);
  bytes.writeUIntBE(authority, 2, 6);
  parts.forEach((part, i) => bytes.writeUInt32LE(part, 8 + i * 4));
  return bytes;
}

/** A token object's address. */
export function writeToken(kernel: SyntheticKernel, objects: Objects, spec: TokenSpec): bigint {
  const groups = [[spec.user, 0] as const, ...(spec.groups ?? []), ...(spec.integrity === undefined ? [] : [[spec.integrity, 0x60] as const])];
  const token = objects.create('Token', '_TOKEN');
  const array = kernel.paged.alloc(groups.length * 16, 'SeTk');
  groups.forEach(([sid, attributes], i) => {
    const bytes = sidBytes(sid);
    const at = kernel.paged.alloc(bytes.length, 'SeSi');
    kernel.space.write(at, bytes);
    kernel.view('_SID_AND_ATTRIBUTES', array + BigInt(i * 16)).set('Sid', at).set('Attributes', attributes);
  });
  kernel.space.write(token.at('TokenSource'), Buffer.from('Advapi  ', 'latin1'));
  kernel.space.setU64(token.at('AuthenticationId'), spec.luid ?? 0x3e7n);
  kernel.space.setU64(token.at('TokenId'), 0x1234n);
  token.set('Privileges.Present', spec.present ?? 0n).set('Privileges.Enabled', spec.enabled ?? 0n)
    .set('Privileges.EnabledByDefault', spec.enabledByDefault ?? 0n)
    .set('SessionId', spec.session ?? 0).set('UserAndGroupCount', groups.length).set('UserAndGroups', array);
  token.setIfAny('IntegrityLevelIndex', spec.integrity === undefined ? 0xffff_ffff : groups.length - 1);
  return token.address;
}
