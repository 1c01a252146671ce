import type { HiveSet } from '../registry/hive-set.js';
import { upcase } from '../registry/name.js';
import { artefact } from './artefact.js';
import { deviceEvents, deviceNodes, flatDeviceNodes, serialOf, type DeviceNode } from './device-node.js';
import { below, inHives, inUsers, WHERE } from './found.js';
import { valuesOf } from './key-values.js';
import { mountedDevices } from './mounted-devices.js';
import { plainTable, text, time } from './plain-table.js';

interface StorageDevice extends DeviceNode {
  readonly letters: readonly string[];
  readonly volumes: readonly string[];
  /** Users in whose hives a volume of it is a mount point. */
  readonly users: readonly string[];
  /** Name of the volume, as portable devices are listed. */
  readonly label: string | undefined;
}

const MOUNT_POINTS = 'Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\MountPoints2';
const PORTABLE = 'Microsoft\\Windows Portable Devices\\Devices';

/** `Disk&Ven_SanDisk&Prod_Cruzer&Rev_1.20` */
function part(node: DeviceNode, what: 'Ven' | 'Prod' | 'Rev'): string | undefined {
  return new RegExp(`(?:^|&)${what}_([^&]*)`, 'i').exec(node.device)?.[1];
}

/** Users by the volumes in their MountPoints2, in upper case. */
function usersOfVolumes(set: HiveSet): ReadonlyMap<string, readonly string[]> {
  const users = new Map<string, string[]>();
  for (const points of inUsers(set, MOUNT_POINTS)) {
    for (const { hive, key } of below(points)) {
      const volume = upcase(key.name);
      users.set(volume, [...users.get(volume) ?? [], hive.user ?? hive.mount]);
    }
  }
  return users;
}

/** Names of volumes that the list of portable devices holds, by the device's path in upper case or by its container. */
function portableNames(set: HiveSet): (node: DeviceNode, path: string) => string | undefined {
  const names: [string, string][] = [];
  const byContainer = new Map<string, string>();
  for (const devices of inHives(set.of('SOFTWARE'), PORTABLE)) {
    for (const { key } of below(devices)) {
      const label = valuesOf(key).text('FriendlyName');
      if (label !== undefined) names.push([upcase(key.name), label]);
    }
  }
  for (const node of flatDeviceNodes(set, 'SWD\\WPDBUSENUM')) {
    if (node.friendlyName === undefined) continue;
    names.push([upcase(node.instance), node.friendlyName]);
    if (node.container !== undefined) byContainer.set(upcase(node.container), node.friendlyName);
  }
  return ({ container }, path) => names.find(([name]) => name.includes(path))?.[1] ?? byContainer.get(upcase(container ?? ''));
}

function* storage(set: HiveSet): Generator<StorageDevice> {
  const mounted = [...mountedDevices(set)];
  const users = usersOfVolumes(set);
  const nameOf = portableNames(set);
  for (const node of deviceNodes(set, 'USBSTOR')) {
    // Paths of devices write # for \: `_??_USBSTOR#Disk&Ven_…#<instance>#{…}`. Windows XP names the volume by the parent's prefix.
    const own = `USBSTOR#${upcase(node.device)}#${upcase(node.instance)}`;
    const prefix = node.parentPrefix === undefined ? undefined : `#${upcase(node.parentPrefix)}&`;
    const on = mounted.filter(({ device }) => {
      const path = upcase(device ?? '');
      return path.includes(own) || (prefix !== undefined && path.includes('STORAGE#REMOVABLEMEDIA') && path.includes(prefix));
    });
    const volumes = [...new Set(on.flatMap(({ volume }) => volume ?? []))];
    yield {
      ...node,
      letters: [...new Set(on.flatMap(({ letter }) => letter ?? []))],
      volumes,
      users: [...new Set(volumes.flatMap((volume) => users.get(upcase(volume)) ?? []))],
      label: nameOf(node, own),
    };
  }
}

/** USB sticks and disks: what was connected, when, as which drive, and by whom. */
export const USB_STORAGE = artefact<StorageDevice>({
  reads: [
    'SYSTEM\\<control set>\\Enum\\USBSTOR', 'SYSTEM\\<control set>\\Enum\\SWD\\WPDBUSENUM', 'SYSTEM\\MountedDevices',
    'SOFTWARE\\Microsoft\\Windows Portable Devices\\Devices', 'NTUSER.DAT\\Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\MountPoints2',
  ],
  table: plainTable({
    name: 'usb_storage',
    doc: 'USB sticks and disks: what was connected and when, as which drive, and in whose session. A row names the users whose hives are in the set.',
    columns: [
      text('vendor', (r) => part(r, 'Ven'), 'vendor', 10),
      text('product', (r) => part(r, 'Prod'), 'product', 16),
      text('revision', (r) => part(r, 'Rev'), 'revision'),
      text('serial', (r) => serialOf(r.instance), 'serial number; empty: it has none', 24),
      text('name', (r) => r.friendlyName, 'name of the disk', 32),
      text('letters', (r) => r.letters.join(' '), 'drive letters that are still its own'),
      text('label', (r) => r.label, 'name of its volume, as portable devices are listed', 16),
      text('users', (r) => r.users.join(' '), 'users in whose session a volume of it was mounted', 16),
      time('first_installed', (r) => r.times.firstInstalled, 'first connection'),
      time('installed', (r) => r.times.installed, 'installation of the present driver'),
      time('last_arrival', (r) => r.times.lastArrival, 'last connection'),
      time('last_removal', (r) => r.times.lastRemoval, 'last removal'),
      text('volumes', (r) => r.volumes.join(' '), 'GUIDs of its volumes', 38),
      text('parent_id_prefix', (r) => r.parentPrefix, 'what the names of its volumes begin with (Windows XP)', 16),
      text('container', (r) => r.container, 'GUID that it shares with its row among USB devices', 38),
      text('device', (r) => `${r.device}\\${r.instance}`, 'device and instance', 48),
      ...WHERE,
    ],
  }),
  timeline: { type: 'USBSTO', events: (r) => deviceEvents(r, `USB storage ${r.friendlyName ?? r.device} ${r.instance}`) },
  rows: storage,
});
