import { amcacheKeys, inventoryDate, sha1Of } from './amcache-read.js';
import { artefact } from './artefact.js';
import { WHERE, type Found } from './found.js';
import { ofUnixSeconds, valuesOf } from './key-values.js';
import { count, flag, plainTable, text, time } from './plain-table.js';

interface AmcacheDriver extends Found {
  readonly name: string | undefined;
  readonly service: string | undefined;
  readonly company: string | undefined;
  readonly product: string | undefined;
  readonly version: string | undefined;
  readonly sha1: string | undefined;
  readonly signed: boolean | undefined;
  readonly kernel: boolean | undefined;
  readonly inBox: boolean | undefined;
  readonly linked: bigint | undefined;
  readonly modified: bigint | undefined;
  readonly size: number | undefined;
  readonly inf: string | undefined;
}

const yes = (number: number | undefined): boolean | undefined => (number === undefined ? undefined : number !== 0);

/** The key's name is the path; in the first inventories, the hash. */
function pathOf({ key: { name } }: Found): string | undefined {
  return name.includes('/') || name.includes('\\') ? name.replaceAll('/', '\\') : undefined;
}

/** Drivers by the inventory of compatibility (Windows 10 and later). */
export const AMCACHE_DRIVERS = artefact<AmcacheDriver>({
  reads: ['AMCACHE.HVE\\Root\\InventoryDriverBinary'],
  table: plainTable({
    name: 'amcache_drivers',
    doc: 'Driver files by the inventory of compatibility, with their SHA-1 and whether they are signed (Windows 10 and later).',
    columns: [
      text('path', pathOf, 'path; not kept before Windows 10 1709', 48),
      text('name', (r) => r.name, 'name of the file', 16),
      text('service', (r) => r.service, 'service', 16),
      text('sha1', (r) => r.sha1, 'SHA-1 of the file', 40),
      flag('signed', (r) => r.signed, 'signed'),
      flag('kernel_mode', (r) => r.kernel, 'runs in the kernel'),
      flag('in_box', (r) => r.inBox, 'came with Windows'),
      time('linked', (r) => r.linked, 'link date of the driver, as it says itself'),
      time('modified', (r) => r.modified, 'last modification of the file'),
      count('size', (r) => r.size, 'bytes in memory'),
      text('company', (r) => r.company, 'company', 20),
      text('product', (r) => r.product, 'product', 24),
      text('version', (r) => r.version, 'version', 16),
      text('inf', (r) => r.inf, 'its INF file', 12),
      ...WHERE,
    ],
  }),
  timeline: {
    type: 'AMDRV',
    * events(r) {
      yield { time: r.key.written, action: '---', text: `amcache saw driver ${pathOf(r) ?? r.name ?? r.key.name}` };
      yield { time: r.modified, action: 'MOD', text: `amcache driver file ${pathOf(r) ?? r.name ?? r.key.name}` };
    },
  },
  * rows(set) {
    for (const found of amcacheKeys(set, 'InventoryDriverBinary')) {
      const values = valuesOf(found.key);
      yield {
        ...found,
        name: values.text('DriverName'),
        service: values.text('Service'),
        company: values.text('DriverCompany'),
        product: values.text('Product'),
        version: values.text('DriverVersion'),
        sha1: sha1Of(values.text('DriverId')) ?? sha1Of(found.key.name),
        signed: yes(values.number('DriverSigned')),
        kernel: yes(values.number('DriverIsKernelMode')),
        inBox: yes(values.number('DriverInBox')),
        linked: ofUnixSeconds(values.number('DriverTimeStamp')),
        modified: inventoryDate(values.text('DriverLastWriteTime')),
        size: values.number('ImageSize'),
        inf: values.text('Inf'),
      };
    }
  },
});
