import { domainRole, isPersonal, wellKnownName } from '../bytes/sid.js';

/** Tells an account's name by its SID, from what the machine stores of it; undefined when it does not know it. */
export type AccountResolver = (sid: string) => string | undefined;

const resolvers = new WeakMap<object, AccountResolver>();

/** From now on the accounts of `system` (its kernel) that are not well known are named by `resolver`. */
export function nameAccountsBy(system: object, resolver: AccountResolver): void {
  resolvers.set(system, resolver);
}

/** An account's name without its domain: `SYSTEM`, `DWM-1`, `alice`; undefined when no source says it. */
export function accountName(system: object, sid: string): string | undefined {
  return wellKnownName(sid)?.split('\\').at(-1) ?? resolvers.get(system)?.(sid)?.split('\\').at(-1) ?? domainRole(sid);
}

/** The name as a list of groups shows it: with its domain where that is the same on every machine; undefined when no source says it. */
export function displayName(system: object, sid: string): string | undefined {
  const known = wellKnownName(sid) ?? resolvers.get(system)?.(sid);
  if (known !== undefined) return known;
  const role = domainRole(sid);
  return role === undefined ? undefined : `DOMAIN\\${role}`;
}

/** An account that Windows itself brings (SYSTEM, LOCAL SERVICE, DWM-1, a service's), not a person's. */
export function isWellKnownAccount(sid: string): boolean {
  return !isPersonal(sid);
}
