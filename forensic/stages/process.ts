import type { Process } from '../../src/windows/process.js';
import type { Table } from '../../src/vfs/column.js';
import { textTime } from '../../src/bytes/filetime.js';
import { hex } from '../../src/bytes/hex.js';
import { stage, type TimelineEvent } from '../stage.js';

/** `32` WoW64, `E` not on the active list, `T` ended; `-` none of these. */
function flags(process: Process): string {
  return `${process.facts.wow64 ? '32' : ''}${process.linked ? '' : 'E'}${process.terminated ? 'T' : ''}` || '-';
}

/** The account, with a star before a well-known one: `*SYSTEM`; empty when not known. */
function account(process: Process): string {
  const token = process.token();
  return token?.user === undefined ? '' : `${token.wellKnown ? '*' : ''}${token.user}`;
}

const PROCESS: Table<Process> = {
  name: 'process',
  doc: 'All processes: by the active list, PspCidTable and the pool scan.',
  heading: '',
  columns: [
    { name: 'pid', csv: 'PID', kind: 'decimal', value: (p) => p.pid, doc: 'process id' },
    { name: 'ppid', csv: 'PPID', kind: 'decimal', value: (p) => p.ppid, doc: 'id of the process that created it' },
    { name: 'state', csv: 'State', kind: 'decimal', value: (p) => (p.terminated ? 1 : 0), doc: '0 running, 1 ended' },
    { name: 'short_name', csv: 'ShortName', kind: 'text', value: (p) => p.facts.shortName, doc: 'the name in the EPROCESS, cut by Windows' },
    { name: 'name', csv: 'Name', kind: 'text', value: (p) => p.name, doc: 'full name of the image' },
    { name: 'integrity', csv: 'IntegrityLevel', kind: 'text', value: (p) => p.token()?.integrity, doc: 'integrity level of the token' },
    { name: 'user', csv: 'User', kind: 'text', value: (p) => p.token()?.user, doc: 'account of the token' },
    { name: 'created', csv: 'CreateTime', kind: 'time', value: (p) => p.created, doc: 'when it was created' },
    { name: 'exited', csv: 'ExitTime', kind: 'time', value: (p) => p.exited, doc: 'when it ended' },
    { name: 'wow64', csv: 'Wow64', kind: 'flag', value: (p) => p.facts.wow64, doc: 'a 32-bit process on a 64-bit system' },
    { name: 'eprocess', csv: 'EPROCESS', kind: 'address', value: (p) => p.address, doc: 'address of the EPROCESS' },
    { name: 'peb', csv: 'PEB', kind: 'address', value: (p) => p.facts.peb, doc: 'address of the PEB' },
    { name: 'peb32', csv: 'PEB32', kind: 'address', value: (p) => p.facts.peb32, doc: 'address of the 32-bit PEB' },
    { name: 'dtb', csv: 'DTB', kind: 'hex', value: (p) => p.facts.dtb, doc: 'physical address of the page table' },
    { name: 'user_dtb', csv: 'UserDTB', kind: 'hex', value: (p) => p.facts.userDtb, doc: 'physical address of the user-mode page table' },
    { name: 'user_path', csv: 'UserPath', kind: 'text', value: (p) => p.parameters()?.imagePath ?? '', doc: 'path of the image as the PEB says' },
    { name: 'kernel_path', csv: 'KernelPath', kind: 'text', value: (p) => p.facts.kernelPath || p.facts.shortName, doc: 'path of the image as the kernel says' },
    { name: 'command_line', csv: 'CommandLine', kind: 'text', value: (p) => p.parameters()?.commandLine ?? '', doc: 'command line' },
    { name: 'flag', csv: 'Flag', kind: 'text', ours: true, value: flags, doc: '32 WoW64, E not on the active list, T ended' },
    { name: 'user_sid', kind: 'text', value: (p) => p.token()?.userSid, doc: 'SID of the account' },
    { name: 'session', kind: 'decimal', value: (p) => p.facts.sessionId, doc: 'session id' },
    { name: 'sources', kind: 'text', value: (p) => [...p.sources].join(','), doc: 'how it was found: list, cid, handle, scan' },
  ],
};

function* events(p: Process): Generator<TimelineEvent> {
  const user = account(p);
  const event = { pid: p.pid, value32: p.ppid, value64: p.address, text: `${p.name}${user === '' ? '' : ` [${user}]`} ${p.facts.kernelPath || p.facts.shortName}` };
  yield { ...event, time: p.exited, action: 'DEL' };
  yield { ...event, time: p.created, action: 'CRE' };
}

export const processStage = stage<Process>({
  name: 'process',
  table: PROCESS,
  waitsForScan: true,
  csv: 'process',
  timeline: { type: 'PROC', file: 'process', events },
  json: { file: 'general', line: (p) => ({
    type: 'process', pid: p.pid, proc: p.name, obj: hex(p.address, 16), addr: hex(p.facts.dtb), addr2: hex(p.facts.peb ?? 0n),
    num: p.ppid, hex: p.terminated ? '1' : '0',
    desc: `flag:[${flags(p)}] user:[${account(p)}] path:[${p.facts.kernelPath}] create:[${textTime(p.created).trim()}] exit:[${textTime(p.exited).trim()}]`,
    desc2: p.parameters()?.commandLine ?? '',
  }) },
  * rows(windows, { step }) {
    const processes = windows.processes();
    for (const [done, process] of processes.entries()) {
      step(done, processes.length);
      yield process;
    }
  },
});
