import { artefact } from './artefact.js';
import { below, inHives, WHERE, type Found } from './found.js';
import { valuesOf } from './key-values.js';
import { count, plainTable, text, time } from './plain-table.js';

interface Version extends Found {
  /** `current`, or the name of the key of an earlier one: `Source OS (Updated on 2/20/2021 04:25:23)`. */
  readonly which: string;
  readonly product: string | undefined;
  readonly version: string | undefined;
  readonly display: string | undefined;
  readonly build: string | undefined;
  readonly revision: number | undefined;
  readonly servicePack: string | undefined;
  readonly edition: string | undefined;
  readonly installation: string | undefined;
  readonly owner: string | undefined;
  readonly organization: string | undefined;
  readonly productId: string | undefined;
  readonly root: string | undefined;
  readonly lab: string | undefined;
  readonly installed: bigint | undefined;
  readonly installDate: bigint | undefined;
}

function versionOf(found: Found, which: string): Version {
  const values = valuesOf(found.key);
  const major = values.number('CurrentMajorVersionNumber');
  return {
    ...found,
    which,
    product: values.text('ProductName'),
    // From Windows 10 on CurrentVersion stays at 6.3, and two numbers tell the truth.
    version: major === undefined ? values.text('CurrentVersion') : `${major}.${values.number('CurrentMinorVersionNumber') ?? 0}`,
    display: values.text('DisplayVersion') ?? values.text('ReleaseId'),
    build: values.text('CurrentBuildNumber') ?? values.text('CurrentBuild'),
    revision: values.number('UBR'),
    servicePack: values.text('CSDVersion'),
    edition: values.text('EditionID'),
    installation: values.text('InstallationType'),
    owner: values.text('RegisteredOwner'),
    organization: values.text('RegisteredOrganization'),
    productId: values.text('ProductId'),
    root: values.text('SystemRoot'),
    lab: values.text('BuildLabEx') ?? values.text('BuildLab'),
    installed: values.time('InstallTime') ?? values.unixTime('InstallDate'),
    installDate: values.unixTime('InstallDate'),
  };
}

/** The Windows that is installed, and those that it was upgraded from. */
export const WINDOWS_VERSION = artefact<Version>({
  reads: ['SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion', 'SYSTEM\\Setup\\Source OS (…)'],
  table: plainTable({
    name: 'windows_version',
    doc: 'The Windows that is installed, and those before its upgrades. A feature update counts as an installation: the time is the last one\'s.',
    columns: [
      text('which', (r) => r.which, '`current`, or the key that an upgrade left', 10),
      text('product', (r) => r.product, 'name of the product; Windows 11 calls itself Windows 10 here', 24),
      text('version', (r) => r.version, 'version of the kernel'),
      text('display_version', (r) => r.display, '`22H2`; `1709` of older ones'),
      text('build', (r) => r.build, 'build number'),
      count('revision', (r) => r.revision, 'update build revision'),
      text('service_pack', (r) => r.servicePack, 'service pack', 16),
      text('edition', (r) => r.edition, 'edition', 16),
      text('installation', (r) => r.installation, 'Client, Server or Server Core'),
      time('installed', (r) => r.installed, 'when it was installed: InstallTime, else InstallDate'),
      time('install_date', (r) => r.installDate, 'InstallDate: the same, in seconds'),
      text('owner', (r) => r.owner, 'registered owner', 16),
      text('organization', (r) => r.organization, 'registered organization', 16),
      text('product_id', (r) => r.productId, 'product id', 23),
      text('system_root', (r) => r.root, 'the folder of Windows', 12),
      text('build_lab', (r) => r.lab, 'where and when it was built', 40),
      ...WHERE,
    ],
  }),
  timeline: {
    type: 'WINVER',
    events: (r) => [{ time: r.installed, action: 'CRE', text: `installed ${r.product ?? 'Windows'} build ${r.build ?? '?'}` }],
  },
  * rows(set) {
    for (const found of inHives(set.of('SOFTWARE'), 'Microsoft\\Windows NT\\CurrentVersion')) yield versionOf(found, 'current');
    for (const setup of inHives(set.of('SYSTEM'), 'Setup')) {
      for (const found of below(setup)) if (/^Source OS/i.test(found.key.name)) yield versionOf(found, found.key.name);
    }
  },
});
