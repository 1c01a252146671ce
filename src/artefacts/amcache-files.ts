import { amcacheKeys, inventoryDate, sha1Of } from './amcache-read.js';
import { artefact } from './artefact.js';
import { below, WHERE, type Found } from './found.js';
import { filetimeAt, ofUnixSeconds, valuesOf, type KeyValues } from './key-values.js';
import { count, flag, plainTable, text, time } from './plain-table.js';

interface AmcacheFile extends Found {
  readonly path: string | undefined;
  readonly name: string | undefined;
  readonly sha1: string | undefined;
  readonly size: number | undefined;
  readonly publisher: string | undefined;
  readonly product: string | undefined;
  readonly version: string | undefined;
  readonly description: string | undefined;
  readonly linked: bigint | undefined;
  readonly created: bigint | undefined;
  readonly modified: bigint | undefined;
  readonly binaryType: string | undefined;
  readonly ofWindows: boolean | undefined;
  readonly program: string | undefined;
  readonly form: 'file' | 'inventory';
}

/** A number, or in the first inventories characters: `0x7fac0`. */
function sizeOf(values: KeyValues): number | undefined {
  const text = values.text('Size') ?? '';
  return values.number('Size') ?? (/^0x[\da-f]{1,12}$/i.test(text) ? Number(text) : undefined);
}

/** Windows 10 1607 and later: values with names. */
function inventoryFile(found: Found): AmcacheFile {
  const values = valuesOf(found.key);
  const path = values.text('LowerCaseLongPath');
  return {
    ...found,
    form: 'inventory',
    path,
    name: values.text('Name') ?? path?.split('\\').at(-1),
    sha1: sha1Of(values.text('FileId')),
    size: sizeOf(values),
    publisher: values.text('Publisher'),
    product: values.text('ProductName'),
    version: values.text('BinFileVersion') ?? values.text('Version'),
    description: undefined,
    linked: inventoryDate(values.text('LinkDate')),
    created: undefined,
    modified: undefined,
    binaryType: values.text('BinaryType'),
    ofWindows: ((isOs) => (isOs === undefined ? undefined : isOs === 1))(values.number('IsOsComponent')),
    program: values.text('ProgramId'),
  };
}

/** Windows 8 to 10 1607: `File\<volume>\<reference>`, values named by hexadecimal numbers. */
function oldFile(found: Found): AmcacheFile {
  const values = valuesOf(found.key);
  const path = values.text('15');
  const moment = (name: string): bigint | undefined => {
    const data = values.bytes(name);
    return data?.length === 8 ? filetimeAt(data) : undefined;
  };
  return {
    ...found,
    form: 'file',
    path,
    name: path?.split('\\').at(-1),
    sha1: sha1Of(values.text('101')),
    size: values.number('6'),
    publisher: values.text('1'),
    product: values.text('0'),
    version: values.text('5') ?? values.text('2'),
    description: values.text('c'),
    linked: ofUnixSeconds(values.number('f')),
    created: moment('12'),
    modified: moment('17') ?? moment('11'),
    binaryType: undefined,
    ofWindows: undefined,
    program: values.text('100'),
  };
}

/** Programs and drivers by the inventory of compatibility. */
export const AMCACHE_FILES = artefact<AmcacheFile>({
  reads: ['AMCACHE.HVE\\Root\\InventoryApplicationFile', 'AMCACHE.HVE\\Root\\File\\<volume>'],
  table: plainTable({
    name: 'amcache_files',
    doc: 'Executables that the inventory of compatibility has seen, with their SHA-1 (of the first 31 MB). The key was written when the file was first seen or run.',
    columns: [
      text('path', (r) => r.path, 'path, in lower case in the newer form', 64),
      text('name', (r) => r.name, 'name of the file', 20),
      text('sha1', (r) => r.sha1, 'SHA-1 of the file', 40),
      count('size', (r) => r.size, 'bytes'),
      time('linked', (r) => r.linked, 'link date of the executable, as it says itself'),
      time('created', (r) => r.created, 'creation of the file (older form)'),
      time('modified', (r) => r.modified, 'last modification of the file (older form)'),
      text('publisher', (r) => r.publisher, 'publisher', 24),
      text('product', (r) => r.product, 'product', 24),
      text('version', (r) => r.version, 'version', 16),
      text('description', (r) => r.description, 'description (older form)', 16),
      text('binary_type', (r) => r.binaryType, 'pe32_i386, pe64_amd64 (newer form)', 10),
      flag('of_windows', (r) => r.ofWindows, 'a part of Windows (newer form)'),
      text('program_id', (r) => r.program, 'the program it belongs to', 44),
      text('form', (r) => r.form, '`file`: up to Windows 10 1607, `inventory` since; a hive may hold both', 9),
      ...WHERE,
    ],
  }),
  timeline: {
    type: 'AMFILE',
    * events(r) {
      yield { time: r.key.written, action: 'RD', text: `amcache saw ${r.path ?? r.name ?? ''}` };
      yield { time: r.modified, action: 'MOD', text: `amcache file ${r.path ?? ''}` };
      yield { time: r.created, action: 'CRE', text: `amcache file ${r.path ?? ''}` };
    },
  },
  * rows(set) {
    for (const found of amcacheKeys(set, 'InventoryApplicationFile')) yield inventoryFile(found);
    for (const volume of amcacheKeys(set, 'File')) for (const found of below(volume)) yield oldFile(found);
  },
});
