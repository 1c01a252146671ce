import type { Table } from '../vfs/column.js';
import type { Process } from '../windows/process.js';

/** 0 while it runs, 1 when it has ended: the signal state of the process object. */
export function processState({ terminated }: Process): number {
  return terminated ? 1 : 0;
}

/** What is unusual about it, each in its place: `32` WoW64, `E` not on the active list, `T` ended. */
export function processMarks({ facts, linked, terminated }: Process): string {
  return `${facts.wow64 ? '32' : '  '}${linked ? ' ' : 'E'}${terminated ? 'T' : ' '}`;
}

/** The same without the places; `-` none of these. */
export function processFlag(process: Process): string {
  return processMarks(process).replaceAll(' ', '') || '-';
}

/** Path of the image as the kernel names it, else its name. */
export function kernelPath({ facts, name }: Process): string {
  return facts.kernelPath || name;
}

/** Physical address of the page table, without the bits of CR3 that are no address. */
export function processTable({ kernel, facts }: Process): number {
  return kernel.mode.tableOf(facts.dtb);
}

/** The processes. Their text is a tree, not a table of these columns. */
export const PROCESSES: Table<Process> = {
  name: 'process',
  doc: 'All processes: those of the active list, those that only handles, PspCidTable or the pool scan know, ended ones too.',
  heading: '  Process                      Pid Parent   Flag User             Create Time              Exit Time              ',
  columns: [
    { name: 'pid', csv: 'PID', kind: 'decimal', value: ({ pid }) => pid, doc: 'process ID' },
    { name: 'ppid', csv: 'PPID', kind: 'decimal', value: ({ ppid }) => ppid, doc: 'process ID of its parent' },
    { name: 'state', csv: 'State', kind: 'decimal', value: processState, doc: '0 it runs, 1 it has ended' },
    { name: 'short_name', csv: 'ShortName', kind: 'text', value: ({ facts }) => facts.shortName, doc: 'name as the kernel holds it: 14 characters at most' },
    { name: 'name', csv: 'Name', kind: 'text', value: ({ name }) => name, doc: 'full name of the image' },
    { name: 'integrity', csv: 'IntegrityLevel', kind: 'text', value: (process) => process.token()?.integrity, doc: 'integrity level of the token' },
    { name: 'user', csv: 'User', kind: 'text', value: (process) => process.token()?.user, doc: 'account of the token' },
    { name: 'created', csv: 'CreateTime', kind: 'time', value: ({ created }) => created, doc: 'when it began' },
    { name: 'exited', csv: 'ExitTime', kind: 'time', value: ({ exited }) => exited, doc: 'when it ended' },
    { name: 'wow64', csv: 'Wow64', kind: 'flag', value: ({ facts }) => facts.wow64, doc: 'a 32-bit process on a 64-bit system' },
    { name: 'eprocess', csv: 'EPROCESS', kind: 'address', value: ({ address }) => address, doc: 'address of the _EPROCESS' },
    { name: 'peb', csv: 'PEB', kind: 'address', value: ({ facts }) => facts.peb, doc: 'process environment block; absent when it has none' },
    { name: 'peb32', csv: 'PEB32', kind: 'address', value: ({ facts }) => facts.peb32, doc: 'its 32-bit counterpart' },
    { name: 'dtb', csv: 'DTB', kind: 'hex', value: processTable, doc: 'directory table base: physical address of its top-level page table' },
    {
      name: 'user_dtb', csv: 'UserDTB', kind: 'hex', doc: 'the table in use in user mode, where that is another',
      value: ({ kernel, facts }) => (facts.userDtb === undefined ? undefined : kernel.mode.tableOf(facts.userDtb)),
    },
    { name: 'user_path', csv: 'UserPath', kind: 'text', value: (process) => process.parameters()?.imagePath, doc: 'path of the image by the PEB' },
    { name: 'kernel_path', csv: 'KernelPath', kind: 'text', value: kernelPath, doc: 'path of the image by the kernel; its name when it has none' },
    { name: 'command_line', csv: 'CommandLine', kind: 'text', value: (process) => process.parameters()?.commandLine, doc: 'command line by the PEB' },
    { name: 'flag', csv: 'Flag', kind: 'text', ours: true, value: processFlag, doc: '32 WoW64, E not on the active list, T ended; - none of these' },
    { name: 'user_sid', kind: 'text', value: (process) => process.token()?.userSid, doc: 'SID of the account' },
    { name: 'session', kind: 'decimal', value: ({ facts }) => facts.sessionId, doc: 'session' },
    { name: 'sources', kind: 'text', value: ({ sources }) => [...sources].join(','), doc: 'how it was found: list, cid, handle, scan' },
  ],
};
