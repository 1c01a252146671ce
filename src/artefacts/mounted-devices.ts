import { guidText } from '../bytes/guid.js';
import { utf16 } from '../bytes/utf16.js';
import type { HiveSet } from '../registry/hive-set.js';
import { artefact } from './artefact.js';
import { inHives, WHERE, type Found } from './found.js';
import { bits, plainTable, text } from './plain-table.js';

/** A volume that was once mounted, and the device it was on. */
export interface MountedDevice extends Found {
  /** The value's name: `\DosDevices\C:`, `\??\Volume{…}`, `#{…}`. */
  readonly name: string;
  /** `C:` */
  readonly letter: string | undefined;
  /** `{656b1715-ecf6-11df-92e6-806e6f6e6963}` */
  readonly volume: string | undefined;
  readonly kind: 'MBR partition' | 'GPT partition' | 'device' | 'unknown';
  readonly diskSignature: number | undefined;
  readonly partitionOffset: bigint | undefined;
  readonly partition: string | undefined;
  /** `_??_USBSTOR#Disk&Ven_…#serial&0#{…}` */
  readonly device: string | undefined;
}

const GPT = 'DMIO:ID:';

type Place = Pick<MountedDevice, 'kind' | 'diskSignature' | 'partitionOffset' | 'partition' | 'device'>;

/** What the data says: 12 bytes of disk signature and offset, `DMIO:ID:` and a partition's GUID, or the path of a device in UTF-16. */
function place(data: Buffer | undefined): Place {
  const nothing = { diskSignature: undefined, partitionOffset: undefined, partition: undefined, device: undefined };
  if (data?.length === 12) return { ...nothing, kind: 'MBR partition', diskSignature: data.readUInt32LE(0), partitionOffset: data.readBigUInt64LE(4) };
  if (data?.length === 24 && data.toString('latin1', 0, 8) === GPT) return { ...nothing, kind: 'GPT partition', partition: guidText(data, 8) };
  if (data !== undefined && data.length >= 8 && data.length % 2 === 0 && data[1] === 0) return { ...nothing, kind: 'device', device: utf16(data) };
  return { ...nothing, kind: 'unknown' };
}

export function* mountedDevices(set: HiveSet): Generator<MountedDevice> {
  for (const found of inHives(set.of('SYSTEM'), 'MountedDevices')) {
    for (const value of found.key.values()) {
      const { name } = value;
      yield {
        ...found,
        ...place(value.data()),
        name,
        letter: /^\\DosDevices\\([A-Z]:)$/i.exec(name)?.[1],
        volume: /\{[0-9a-f-]{36}\}/i.exec(name)?.[0],
      };
    }
  }
}

/** Which partition or device a drive letter or volume stood for. Letters are of the last device that had them. */
export const MOUNTED_DEVICES = artefact<MountedDevice>({
  reads: ['SYSTEM\\MountedDevices'],
  table: plainTable({
    name: 'mounted_devices',
    doc: 'Which partition or device a drive letter or a volume stands for. A letter is that of the last device that had it.',
    columns: [
      text('letter', (r) => r.letter, 'drive letter'),
      text('volume', (r) => r.volume, 'GUID of the volume', 38),
      text('kind', (r) => r.kind, 'how the device is named', 13),
      bits('disk_signature', (r) => r.diskSignature, 'signature of an MBR disk'),
      bits('partition_offset', (r) => r.partitionOffset, 'where the partition begins on the disk, in bytes'),
      text('partition', (r) => r.partition, 'GUID of a GPT partition', 38),
      text('device', (r) => r.device, 'path of a device: removable ones name vendor, product and serial number', 40),
      text('name', (r) => r.name, 'name of the value; `#{…}`: a volume that was denied a letter', 24),
      ...WHERE,
    ],
  }),
  rows: mountedDevices,
});
