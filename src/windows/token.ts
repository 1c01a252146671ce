import type { Process } from './process.js';

export interface TokenGroup {
  readonly sid: string;
  /** SE_GROUP_* ([MS-DTYP] / winnt.h). */
  readonly attributes: number;
}

export interface TokenPrivilege {
  /** The privilege's LUID, its bit in `_SEP_TOKEN_PRIVILEGES`. */
  readonly luid: number;
  /** `SeDebugPrivilege`. */
  readonly name: string;
  readonly present: boolean;
  readonly enabled: boolean;
  readonly enabledByDefault: boolean;
}

/** A process's primary token. Corresponds to `_TOKEN`. */
export interface Token {
  readonly address: bigint;
  readonly userSid: string;
  /** The account's name: well known, from the registry's ProfileList or volatile environment; undefined when no source says it. */
  readonly user: string | undefined;
  /** A well-known account (SYSTEM, LOCAL SERVICE, DWM-1…), not a person's. */
  readonly wellKnown: boolean;
  readonly groups: readonly TokenGroup[];
  readonly privileges: readonly TokenPrivilege[];
  /** `S-1-16-…`; undefined when the token has no integrity level. */
  readonly integritySid: string | undefined;
  /** Untrusted, Low, Medium, MediumPlus, High, System, Protected; undefined as above. */
  readonly integrity: string | undefined;
  readonly session: number;
  /** AuthenticationId, the logon session's LUID. */
  readonly luid: bigint;
}

export function token(process: Process): Token | undefined {
  throw new Error(`not built: ${process.name}`);
}
