import type { Endpoint } from '../../src/windows/network.js';
import type { Windows } from '../../src/windows/windows.js';
import { compare, type Comparison } from './comparison.js';
import type { Truth, TruthEndpoint } from './truth.js';

/** The states that the truth spells without the underscore. */
const SPELLED: Readonly<Record<string, string>> = { FIN_WAIT1: 'FIN_WAIT_1', FIN_WAIT2: 'FIN_WAIT_2' };

function found({ protocol, localAddress, localPort, remoteAddress, remotePort, state, pid, process, created, address, source }: Endpoint): string {
  return [
    protocol, `${localAddress}:${localPort}`, `${remoteAddress}:${remotePort}`, state, pid, process?.name, created, address.toString(16), source,
  ].join('|');
}

function expected({ proto, local, local_port, remote, remote_port, state, pid, owner, time, va, listed }: TruthEndpoint): string {
  // A listener's remote end is absent, a UDP endpoint's is `*`.
  const far = remote === undefined || remote === '*' ? 'undefined:undefined' : `${remote}:${remote_port}`;
  return [
    proto, `${local}:${local_port}`, far, state === undefined ? undefined : SPELLED[state] ?? state, pid, owner, time,
    va.toString(16), listed ? 'table' : 'scan',
  ].join('|');
}

/** Endpoints with all their fields. The model must have joined the pool scan, which alone finds the unlisted ones. */
export function compareEndpoints(windows: Windows, truth: Truth): Comparison {
  return compare('endpoints', truth.network.map(expected), windows.endpoints().map(found));
}

/** What the pool scan found of each kind, by address, and its processes that no list has. */
export function compareScan(windows: Windows, truth: Truth): readonly Comparison[] {
  const { scan } = windows;
  if (scan === undefined) throw new Error('the model has not joined the pool scan');
  const hex = (addresses: readonly bigint[]): string[] => addresses.map((address) => address.toString(16));
  const objects = truth.drivers.flatMap(({ driver_object: object }) => (object === undefined ? [] : [object]));
  const unlinked = windows.processes().filter((process) => !process.linked);
  return [
    compare('scan: processes', hex(truth.processes.map(({ eprocess }) => eprocess)), hex(scan.processes)),
    compare('scan: unlinked processes', hex(truth.processes.filter((process) => !process.in_list).map(({ eprocess }) => eprocess)),
      hex(unlinked.map(({ address }) => address))),
    compare('scan: threads', hex(truth.processes.flatMap(({ threads }) => threads.map(({ ethread }) => ethread))), hex(scan.threads)),
    compare('scan: drivers', hex(objects), hex(scan.drivers)),
    compare('scan: hives', hex(truth.hives.map(({ cmhive }) => cmhive)), hex(scan.hives)),
    compare('scan: endpoints', hex(truth.network.map(({ va }) => va)), hex(scan.endpoints)),
    compare('scan: chance headers taken', [], hex(truth.scanner_ambiguities.map(({ va }) => va)
      .filter((va) => scan.drivers.includes(va) || scan.processes.includes(va) || scan.threads.includes(va)))),
  ];
}
