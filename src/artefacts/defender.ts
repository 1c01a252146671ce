import type { HiveSet } from '../registry/hive-set.js';
import { artefact } from './artefact.js';
import { at, below, inHives, WHERE, type Found } from './found.js';
import { textOf } from './key-values.js';
import { flag, plainTable, text } from './plain-table.js';

interface DefenderRow extends Found {
  readonly kind: 'exclusion' | 'setting' | 'attack surface rule' | 'threat action';
  readonly what: string;
  readonly value: string | undefined;
  readonly policy: boolean;
}

/** Where settings and exclusions lie; those of the policy come before the user's. */
const ROOTS: readonly (readonly [string, boolean])[] = [
  ['Microsoft\\Windows Defender', false], ['Policies\\Microsoft\\Windows Defender', true],
  ['Microsoft\\Microsoft Antimalware', false], ['Policies\\Microsoft\\Microsoft Antimalware', true],
];
const RULES = 'Windows Defender Exploit Guard\\ASR';
/** The sub-keys whose values are settings, and of the key itself those that turn protection off. */
const SETTINGS: readonly (readonly [string, RegExp])[] = [
  ['', /^(Disable|ServiceKeepAlive|PUAProtection|ProductStatus|HideExclusions|PassiveMode|ForcePassive|AllowFastService)/i],
  ['Real-Time Protection', /./], ['Spynet', /^(SpynetReporting|SubmitSamplesConsent|DisableBlockAtFirstSeen|LocalSetting|MAPS)/i],
  ['Features', /^(TamperProtection|TPExclusions|MpPlatformKillbits|DisableAntiSpyware)/i], ['Scan', /^Disable/i],
  ['Signature Updates', /^(Disable|ForceUpdate|FallbackOrder|DefinitionUpdateFileShares)/i], ['UX Configuration', /./], ['MpEngine', /./],
  ['Windows Defender Exploit Guard\\Network Protection', /./], ['Windows Defender Exploit Guard\\Controlled Folder Access', /./],
  [`${RULES}`, /^ExploitGuard/i],
];

function* values(found: Found, kind: DefenderRow['kind'], policy: boolean, named: (name: string) => string | undefined): Generator<DefenderRow> {
  for (const value of found.key.values()) {
    const what = named(value.name);
    if (what !== undefined) yield { ...found, kind, what, value: textOf(value), policy };
  }
}

function* rowsOf(set: HiveSet): Generator<DefenderRow> {
  for (const [path, policy] of ROOTS) {
    for (const root of inHives(set.of('SOFTWARE'), path)) {
      for (const exclusions of at(root, 'Exclusions')) {
        for (const list of below(exclusions)) {
          // The default value is empty and excludes nothing.
          yield* values(list, 'exclusion', policy, (name) => (name === '' ? undefined : `${list.key.name}: ${name}`));
        }
      }
      for (const [sub, which] of SETTINGS) {
        for (const found of sub === '' ? [root] : at(root, sub)) {
          yield* values(found, 'setting', policy, (name) => (name === '' || !which.test(name) ? undefined : sub === '' ? name : `${sub}\\${name}`));
        }
      }
      for (const rules of at(root, `${RULES}\\Rules`)) yield* values(rules, 'attack surface rule', policy, (name) => name || undefined);
      for (const rules of at(root, `${RULES}\\ASROnlyExclusions`)) yield* values(rules, 'exclusion', policy, (name) => (name === '' ? undefined : `ASR: ${name}`));
      for (const sub of ['Threats\\ThreatIDDefaultAction', 'Threats\\ThreatSeverityDefaultAction']) {
        for (const found of at(root, sub)) yield* values(found, 'threat action', policy, (name) => name || undefined);
      }
    }
  }
}

/** What Windows Defender leaves out, and what of it is turned off. */
export const DEFENDER = artefact<DefenderRow>({
  reads: ['SOFTWARE\\Microsoft\\Windows Defender', 'SOFTWARE\\Policies\\Microsoft\\Windows Defender', 'SOFTWARE\\Microsoft\\Microsoft Antimalware'],
  table: plainTable({
    name: 'defender',
    doc: 'What Windows Defender does not look at (exclusions by path, extension, process, address), and its settings: what is turned off, by the user or by policy.',
    columns: [
      text('kind', (r) => r.kind, 'exclusion, setting, attack surface rule, threat action', 19),
      text('what', (r) => r.what, 'of an exclusion its list and what is excluded; else the setting', 48),
      text('value', (r) => r.value, 'of a setting: 1 of `Disable…` turns off; of a rule 0 off, 1 block, 2 audit, 6 warn; of a threat 6 allow', 8),
      flag('policy', (r) => r.policy, 'set by policy'),
      ...WHERE,
    ],
  }),
  rows: rowsOf,
});
