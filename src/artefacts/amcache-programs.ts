import { amcacheKeys, inventoryDate } from './amcache-read.js';
import { artefact } from './artefact.js';
import { WHERE, type Found } from './found.js';
import { ofUnixSeconds, valuesOf } from './key-values.js';
import { plainTable, text, time } from './plain-table.js';

interface AmcacheProgram extends Found {
  readonly name: string | undefined;
  readonly version: string | undefined;
  readonly publisher: string | undefined;
  readonly installed: bigint | undefined;
  readonly removed: bigint | undefined;
  readonly folder: string | undefined;
  readonly source: string | undefined;
  readonly type: string | undefined;
  readonly uninstall: string | undefined;
  readonly registryKey: string | undefined;
}

function inventoryProgram(found: Found): AmcacheProgram {
  const values = valuesOf(found.key);
  return {
    ...found,
    name: values.text('Name'),
    version: values.text('Version'),
    publisher: values.text('Publisher'),
    installed: inventoryDate(values.text('InstallDate')) ?? inventoryDate(values.text('InstallDateArpLastModified')?.split(', ')[0]),
    removed: undefined,
    folder: values.text('RootDirPath'),
    source: values.text('Source'),
    type: values.text('Type'),
    uninstall: values.text('UninstallString'),
    registryKey: values.text('RegistryKeyPath'),
  };
}

function oldProgram(found: Found): AmcacheProgram {
  const values = valuesOf(found.key);
  return {
    ...found,
    name: values.text('0'),
    version: values.text('1'),
    publisher: values.text('2'),
    installed: ofUnixSeconds(values.number('a')),
    removed: ofUnixSeconds(values.number('b')),
    folder: values.texts('d')?.join(', '),
    source: values.text('6'),
    type: undefined,
    uninstall: undefined,
    registryKey: values.texts('7')?.join(', '),
  };
}

/** Installed programs by the inventory of compatibility; they stay in it for a while when they are gone. */
export const AMCACHE_PROGRAMS = artefact<AmcacheProgram>({
  reads: ['AMCACHE.HVE\\Root\\InventoryApplication', 'AMCACHE.HVE\\Root\\Programs'],
  table: plainTable({
    name: 'amcache_programs',
    doc: 'Installed programs and packages by the inventory of compatibility, whose files amcache_files lists.',
    columns: [
      text('name', (r) => r.name, 'name', 40),
      text('version', (r) => r.version, 'version', 16),
      text('publisher', (r) => r.publisher, 'publisher', 24),
      time('installed', (r) => r.installed, 'installation; mostly a day only'),
      time('removed', (r) => r.removed, 'removal (older form)'),
      text('folder', (r) => r.folder, 'folder', 40),
      text('source', (r) => r.source, 'how it became known: Msi, AddRemoveProgram, AppxPackage', 16),
      text('type', (r) => r.type, 'Application, Hotfix, StoreApp', 11),
      text('uninstall', (r) => r.uninstall, 'command that uninstalls it', 16),
      text('registry_key', (r) => r.registryKey, 'its key among installed programs', 24),
      text('program_id', (r) => r.key.name, 'its id', 44),
      ...WHERE,
    ],
  }),
  timeline: {
    type: 'AMPROG',
    * events(r) {
      yield { time: r.installed, action: 'CRE', text: `amcache program ${r.name ?? ''} ${r.version ?? ''}`.trimEnd() };
      yield { time: r.removed, action: 'DEL', text: `amcache program ${r.name ?? ''} ${r.version ?? ''}`.trimEnd() };
    },
  },
  * rows(set) {
    for (const found of amcacheKeys(set, 'InventoryApplication')) yield inventoryProgram(found);
    for (const found of amcacheKeys(set, 'Programs')) yield oldProgram(found);
  },
});
