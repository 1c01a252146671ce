import { hex } from '../bytes/hex.js';
import { walk } from '../bytes/walk.js';
import { wordAt } from '../bytes/word.js';
import { big, list, nonZero, number, optional, place, struct, unicode } from '../profile/struct.js';
import { openKey } from './key-control-block.js';
import { address, processLabel, threadLabel, time, type Fact, type FactReader } from './object-facts.js';
import { objectManager } from './object.js';
import { processFacts } from './process-list.js';
import { STATES, WAIT_REASONS } from './thread.js';
import { readToken } from './token.js';

const THREAD = struct('_ETHREAD', {
  state: optional(number('Tcb.State')), wait: optional(number('Tcb.WaitReason')), start: optional(big('StartAddress')), win32: optional(big('Win32StartAddress')), created: optional(big('CreateTime')),
});
const TOKEN = struct('_TOKEN', { type: number('TokenType'), level: optional(number('ImpersonationLevel')) });
const KEY = struct('_CM_KEY_BODY', { control: big('KeyControlBlock') });
const CONTROL = struct('_CM_KEY_CONTROL_BLOCK', { written: optional(big('KcbLastWriteTime')) });
const LINK = struct('_OBJECT_SYMBOLIC_LINK', { target: unicode('LinkTarget'), created: big('CreationTime') });
const JOB = struct('_EJOB', { head: place('ProcessListHead'), processes: list('ProcessListHead'), active: optional(number('ActiveProcesses')), total: optional(number('TotalProcesses')) });
const MEMBER = struct('_EPROCESS', { links: list('JobLinks') });
const PORT = struct('_ALPC_PORT', { owner: nonZero('OwnerProcess'), communication: nonZero('CommunicationInfo'), kind: optional(number('u1.s1.Type')) });

/** `TOKEN_TYPE`, `SECURITY_IMPERSONATION_LEVEL` (winnt.h). */
const TOKEN_TYPES = ['', 'primary', 'impersonation'];
const LEVELS = ['anonymous', 'identification', 'impersonation', 'delegation'];
/** ALPC_PORT_TYPE bits of `u1.s1.Type`. */
const PORT_KINDS = ['', 'connection port', 'server communication port', 'client communication port'];
const MAX_MEMBERS = 4096;

export const processObjectFacts: FactReader = (kernel, { body }) => {
  const process = processFacts(kernel, body);
  return process && [
    ['Process', `${process.pid} ${process.shortName}`], ['Image', process.kernelPath || process.shortName], ['Parent', String(process.ppid)],
    ['Created', time(process.created)], ['Exited', process.exited === undefined ? 'no' : time(process.exited)],
  ];
};

export const threadObjectFacts: FactReader = (kernel, { body }) => {
  const thread = kernel.read(THREAD, body);
  return thread && [
    ['Thread', threadLabel(kernel, body)], ['State', thread.state === undefined ? undefined : STATES[thread.state] ?? String(thread.state)],
    ['Wait reason', thread.wait === undefined ? undefined : WAIT_REASONS[thread.wait] ?? String(thread.wait)],
    ['Start address', address(thread.start)], ['Win32 start address', address(thread.win32)], ['Created', time(thread.created)],
  ];
};

export const tokenFacts: FactReader = (kernel, { body }) => {
  const token = readToken(kernel, body, 'handles');
  const record = kernel.read(TOKEN, body);
  return token && [
    ['User', `${token.userSid}${token.user === undefined ? '' : ` ${token.user}`}`], ['Integrity', token.integrity], ['Session', String(token.session)],
    ['Kind', record === undefined ? undefined : TOKEN_TYPES[record.type] ?? String(record.type)],
    ...(record?.type === 2 ? [['Impersonation level', LEVELS[record.level ?? -1]] as const] : []),
    ['Token ID', `0x${hex(token.tokenId)}`], ['Logon session', `0x${hex(token.luid)}`],
    ['Privileges enabled', token.privileges.filter(({ enabled }) => enabled).map(({ name }) => name).join(' ') || 'none'],
  ];
};

export const keyFacts: FactReader = (kernel, { body }) => {
  const key = openKey(kernel, body);
  if (key === undefined) return undefined;
  const control = kernel.read(KEY, body)?.control;
  const written = control === undefined ? undefined : kernel.read(CONTROL, control)?.written;
  return [['Key', key.path], ['Last write', time(written)], ['Hive', address(key.hive)], ['Cell', `0x${hex(key.cell, 8)}`], ['Key control block', address(control)]];
};

export const symbolicLinkFacts: FactReader = (kernel, { body }) => {
  const link = kernel.read(LINK, body);
  return link && [['Target', kernel.text(link.target)], ['Created', time(link.created)]];
};

export const jobFacts: FactReader = (kernel, { body }) => {
  const job = kernel.read(JOB, body);
  if (job === undefined) return undefined;
  const offset = BigInt(kernel.reader(MEMBER).offset('links') ?? 0);
  const members = job.processes.flink === 0n ? [] : [...walk([job.processes.flink], (link) => link, (link) => {
    const member = kernel.isKernelAddress(link) ? kernel.read(MEMBER, link - offset) : undefined;
    return member === undefined ? undefined : { value: link - offset, next: [member.links.flink] };
  }, { where: 'job', cap: MAX_MEMBERS, anomalies: kernel.anomalies }, (link) => link === job.head)];
  return [
    ['Active processes', job.active === undefined ? undefined : String(job.active)], ['Total processes', job.total === undefined ? undefined : String(job.total)],
    ...members.map((process): Fact => ['Process', processLabel(kernel, process)]),
  ];
};

export const portFacts: FactReader = (kernel, { body }) => {
  const port = kernel.read(PORT, body);
  if (port === undefined) return undefined;
  // `_ALPC_COMMUNICATION_INFO` begins with its three ports: connection, server, client. Symbols of kernels lack it.
  const { pointerSize } = kernel;
  const at = port.communication !== undefined && kernel.isKernelAddress(port.communication) ? port.communication : undefined;
  const ports = at === undefined ? undefined : kernel.memory.read(at, 3 * pointerSize);
  const manager = objectManager(kernel);
  const other = (label: string, index: number): Fact[] => {
    const object = ports === undefined ? 0n : wordAt(ports, index * pointerSize, pointerSize);
    if (object === body || !kernel.isKernelAddress(object) || manager.header(object)?.type?.name !== 'ALPC Port') return [];
    const owner = kernel.read(PORT, object)?.owner;
    return [[label, `${manager.path(object) ?? manager.name(object) ?? hex(object, 16)}${owner === undefined ? '' : ` of process ${processLabel(kernel, owner) ?? hex(owner, 16)}`}`]];
  };
  return [
    ['Kind', PORT_KINDS[port.kind ?? 0] || undefined], ['Owner', port.owner === undefined ? 'none' : processLabel(kernel, port.owner)],
    ...other('Connection port', 0), ...other('Server port', 1), ...other('Client port', 2),
  ];
};
