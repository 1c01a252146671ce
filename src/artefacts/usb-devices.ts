import { artefact } from './artefact.js';
import { deviceEvents, deviceNodes, serialOf, type DeviceNode } from './device-node.js';
import { WHERE } from './found.js';
import { plainTable, text, time } from './plain-table.js';

/** `USB device VID_0781 PID_5530 200608767007B7C08A6A` */
function shown(node: DeviceNode): string {
  return `USB device ${node.device} ${node.instance}`;
}

function id(node: DeviceNode, what: 'VID' | 'PID'): string | undefined {
  return new RegExp(`${what}_([0-9a-f]{4})`, 'i').exec(node.device)?.[1];
}

/** All USB devices that the machine has seen: sticks, phones, keyboards. */
export const USB_DEVICES = artefact<DeviceNode>({
  reads: ['SYSTEM\\<control set>\\Enum\\USB'],
  table: plainTable({
    name: 'usb_devices',
    doc: 'The USB devices the machine has seen, hubs and keyboards too. Times are the device\'s own properties (Windows 8 and later; Windows 7 has the first two).',
    columns: [
      text('vid', (r) => id(r, 'VID'), 'vendor id'),
      text('pid', (r) => id(r, 'PID'), 'product id'),
      text('serial', (r) => serialOf(r.instance), 'serial number; empty: it has none', 24),
      text('name', (r) => r.friendlyName ?? r.description, 'name, or else the driver\'s description', 32),
      text('manufacturer', (r) => r.manufacturer, 'manufacturer by its driver', 24),
      text('service', (r) => r.service, 'driver', 10),
      time('first_installed', (r) => r.times.firstInstalled, 'first connection'),
      time('installed', (r) => r.times.installed, 'installation of the present driver'),
      time('last_arrival', (r) => r.times.lastArrival, 'last connection'),
      time('last_removal', (r) => r.times.lastRemoval, 'last removal'),
      text('location', (r) => r.location, 'port and hub', 20),
      text('parent_id_prefix', (r) => r.parentPrefix, 'what the names of devices behind it begin with', 16),
      text('container', (r) => r.container, 'GUID that all functions of one device share', 38),
      text('device', (r) => `${r.device}\\${r.instance}`, 'device and instance', 32),
      ...WHERE,
    ],
  }),
  timeline: { type: 'USB', events: (r) => deviceEvents(r, shown(r)) },
  rows: (set) => deviceNodes(set, 'USB'),
});
