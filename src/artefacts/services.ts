import { artefact } from './artefact.js';
import { below, inControlSet, WHERE, type Found } from './found.js';
import { valuesOf, type KeyValues } from './key-values.js';
import { bits, plainTable, text } from './plain-table.js';

interface Service extends Found {
  readonly display: string | undefined;
  readonly type: number | undefined;
  readonly start: number | undefined;
  readonly delayed: boolean;
  readonly image: string | undefined;
  readonly dll: string | undefined;
  readonly account: string | undefined;
  readonly group: string | undefined;
  readonly dependsOn: string | undefined;
  readonly failureCommand: string | undefined;
  readonly failureActions: string | undefined;
  readonly description: string | undefined;
}

/** `SERVICE_*_DRIVER` and `SERVICE_WIN32_*` (winnt.h). */
const TYPES: readonly (readonly [number, string])[] = [
  [0x1, 'kernel driver'], [0x2, 'file system driver'], [0x4, 'adapter'], [0x8, 'recognizer driver'], [0x10, 'own process'], [0x20, 'shared process'],
  [0x40, 'user service'], [0x80, 'user service instance'], [0x100, 'interactive'], [0x200, 'package service'],
];
const STARTS = ['boot', 'system', 'automatic', 'manual', 'disabled'];
/** `SC_ACTION_TYPE` (winsvc.h). */
const FAILURE = ['nothing', 'restart', 'reboot', 'run command'];
/** FailureActions: reset period, two offsets, count, offset; then type and delay in milliseconds of each. */
const ACTIONS_AT = 20;
const MOST_ACTIONS = 64;

/** `own process, interactive` */
export function serviceType(type: number | undefined): string | undefined {
  if (type === undefined) return undefined;
  return TYPES.filter(([bit]) => (type & bit) !== 0).map(([, name]) => name).join(', ') || `0x${type.toString(16)}`;
}

function startOf({ start, delayed }: Service): string | undefined {
  if (start === undefined) return undefined;
  return `${STARTS[start] ?? start}${delayed ? ' delayed' : ''}`;
}

/** `restart after 60 s, nothing`: what happens at the first, second … failure. */
function failureActions(data: Buffer | undefined): string | undefined {
  if (data === undefined || data.length < ACTIONS_AT) return undefined;
  const count = Math.min(data.readUInt32LE(12), MOST_ACTIONS, Math.floor((data.length - ACTIONS_AT) / 8));
  return Array.from({ length: count }, (_, i) => {
    const type = data.readUInt32LE(ACTIONS_AT + 8 * i);
    const seconds = data.readUInt32LE(ACTIONS_AT + 8 * i + 4) / 1000;
    return type === 0 ? 'nothing' : `${FAILURE[type] ?? type} after ${seconds} s`;
  }).join(', ');
}

function serviceOf(found: Found, values: KeyValues): Service {
  const parameters = found.key.subkey('Parameters');
  return {
    ...found,
    display: values.text('DisplayName'),
    type: values.number('Type'),
    start: values.number('Start'),
    delayed: values.number('DelayedAutostart') === 1,
    image: values.text('ImagePath'),
    dll: (parameters === undefined ? undefined : valuesOf(parameters).text('ServiceDll')) ?? values.text('ServiceDll'),
    account: values.text('ObjectName'),
    group: values.text('Group'),
    dependsOn: values.texts('DependOnService')?.join(', '),
    failureCommand: values.text('FailureCommand'),
    failureActions: failureActions(values.bytes('FailureActions')),
    description: values.text('Description'),
  };
}

/** Services and drivers, as the service control manager is told of them. Keys that hold performance counters alone are none. */
export const SERVICES = artefact<Service>({
  reads: ['SYSTEM\\<control set>\\Services', 'SYSTEM\\<control set>\\Services\\<service>\\Parameters'],
  table: plainTable({
    name: 'services',
    doc: 'Services and drivers as they are configured. Which of them run is no matter of the registry.',
    columns: [
      text('name', (r) => r.key.name, 'name', 24),
      text('display_name', (r) => r.display, 'name shown', 32),
      text('start', startOf, 'when it starts', 9),
      text('type', (r) => serviceType(r.type), 'what it is', 14),
      bits('type_bits', (r) => r.type, 'the same as Windows keeps it'),
      text('image_path', (r) => r.image, 'command or driver file', 40),
      text('service_dll', (r) => r.dll, 'the library, of a service in a shared process', 32),
      text('account', (r) => r.account, 'account it runs under; of a driver its object', 16),
      text('group', (r) => r.group, 'load order group', 16),
      text('depends_on', (r) => r.dependsOn, 'services it needs', 16),
      text('failure_actions', (r) => r.failureActions, 'what happens when it fails', 16),
      text('failure_command', (r) => r.failureCommand, 'the command that is run when it fails', 16),
      text('description', (r) => r.description, 'description', 24),
      ...WHERE,
    ],
  }),
  timeline: {
    type: 'SVC',
    events: (r) => [{ time: r.key.written, action: 'MOD', text: `service ${r.key.name} ${r.dll ?? r.image ?? ''}`.trimEnd() }],
  },
  * rows(set) {
    for (const services of inControlSet(set, 'Services')) {
      for (const service of below(services)) {
        const values = valuesOf(service.key);
        const row = serviceOf(service, values);
        if (row.type !== undefined || row.start !== undefined || row.image !== undefined || row.dll !== undefined) yield row;
      }
    }
  },
});
