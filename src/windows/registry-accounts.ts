import { createHash } from 'node:crypto';
import type { Anomalies } from '../bytes/anomaly.js';
import type { Hive } from './hive.js';
import { registryKey } from './registry-path.js';
import type { AccountResolver } from './users.js';

const PROFILES = 'HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\ProfileList';
const SERVICES = 'HKLM\\SYSTEM\\CurrentControlSet\\Services';
const SERVICE_SID = /^S-1-5-80-\d+-\d+-\d+-\d+-\d+$/;

/**
 * Names accounts from the registry: who logged on says it in USERNAME of their volatile environment; else the profile's folder bears
 * the name that the account had when it was made. A service's SID is the hash of its name.
 */
export function registryAccounts(hives: () => readonly Hive[], anomalies: Anomalies): AccountResolver {
  let of: readonly Hive[] | undefined;
  let names = new Map<string, string | undefined>();
  let services: ReadonlyMap<string, string> | undefined;
  return (sid) => {
    const current = hives();
    if (current !== of) {
      of = current;
      names = new Map();
      services = undefined;
    }
    if (!names.has(sid)) {
      names.set(sid, anomalies.attempt('accounts', () => {
        if (SERVICE_SID.test(sid)) return (services ??= serviceNames(current)).get(sid);
        return textValue(current, `HKU\\${sid}\\Volatile Environment`, 'USERNAME')
          ?? textValue(current, `${PROFILES}\\${sid}`, 'ProfileImagePath')?.split('\\').at(-1);
      }));
    }
    return names.get(sid);
  };
}

function textValue(hives: readonly Hive[], path: string, name: string): string | undefined {
  const value = registryKey(hives, path)?.value(name)?.native();
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function serviceNames(hives: readonly Hive[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const { name } of registryKey(hives, SERVICES)?.subkeys() ?? []) names.set(serviceSid(name), `NT SERVICE\\${name}`);
  return names;
}

/** The SID of a service: S-1-5-80 and the SHA-1 of its name in upper case, UTF-16, as five numbers ("Security identifiers", Microsoft). */
export function serviceSid(name: string): string {
  const digest = createHash('sha1').update(Buffer.from(name.toUpperCase(), 'utf16le')).digest();
  return `S-1-5-80-${Array.from({ length: 5 }, (_, i) => digest.readUInt32LE(i * 4)).join('-')}`;
}
