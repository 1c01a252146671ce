import type { SyntheticKernel } from './kernel-image.js';
import type { View } from './layout.js';
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
  const array = kernel.paged.alloc(groups.length * kernel.profile.sizeOf('_SID_AND_ATTRIBUTES')!, 'SeTk');
  groups.forEach(([sid, attributes], i) => {
    const bytes = sidBytes(sid);
    const at = kernel.paged.alloc(bytes.length, 'SeSi');
    kernel.space.write(at, bytes);
    kernel.view('_SID_AND_ATTRIBUTES', array + BigInt(i * kernel.profile.sizeOf('_SID_AND_ATTRIBUTES')!)).set('Sid', at).set('Attributes', attributes);
  });
  kernel.space.write(token.at('TokenSource'), Buffer.from('Advapi  ', 'latin1'));
  kernel.space.setU64(token.at('AuthenticationId'), spec.luid ?? 0x3e7n);
  kernel.space.setU64(token.at('TokenId'), 0x1234n);
  privileges(kernel, token, spec);
  token.set('SessionId', spec.session ?? 0).set('UserAndGroupCount', groups.length).set('UserAndGroups', array);
  token.setIfAny('IntegrityLevelIndex', spec.integrity === undefined ? 0xffff_ffff : groups.length - 1);
  return token.address;
}

/** Three sets of bits since Vista; until then a list of LUIDs with SE_PRIVILEGE_* attributes. */
function privileges(kernel: SyntheticKernel, token: View, { present = 0n, enabled = 0n, enabledByDefault = 0n }: TokenSpec): void {
  if (token.has('Privileges.Present')) {
    token.set('Privileges.Present', present).set('Privileges.Enabled', enabled).set('Privileges.EnabledByDefault', enabledByDefault);
    return;
  }
  const luids = Array.from({ length: 64 }, (_, luid) => luid).filter((luid) => (present >> BigInt(luid) & 1n) === 1n);
  const list = Buffer.alloc(luids.length * 12);
  luids.forEach((luid, i) => {
    const bit = (set: bigint): number => Number(set >> BigInt(luid) & 1n);
    list.writeUInt32LE(luid, i * 12);
    list.writeUInt32LE(bit(enabledByDefault) | (bit(enabled) << 1), i * 12 + 8);
  });
  const at = kernel.paged.alloc(list.length, 'SePr');
  kernel.space.write(at, list);
  token.set('PrivilegeCount', luids.length).set('Privileges', at);
}
