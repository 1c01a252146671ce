import { hex } from '../bytes/hex.js';

type Rights = readonly (readonly [mask: number, name: string])[];

/** Rights that objects of all types have (winnt.h). */
const STANDARD: Rights = [
  [0x1_0000, 'DELETE'], [0x2_0000, 'READ_CONTROL'], [0x4_0000, 'WRITE_DAC'], [0x8_0000, 'WRITE_OWNER'], [0x10_0000, 'SYNCHRONIZE'],
  [0x100_0000, 'ACCESS_SYSTEM_SECURITY'],
];

/** Rights by type, as winnt.h, ntifs.h and wdm.h name them. */
const SPECIFIC: Readonly<Record<string, Rights>> = {
  'ALPC Port': [[0x1, 'PORT_CONNECT']],
  Desktop: [
    [0x1, 'DESKTOP_READOBJECTS'], [0x2, 'DESKTOP_CREATEWINDOW'], [0x4, 'DESKTOP_CREATEMENU'], [0x8, 'DESKTOP_HOOKCONTROL'], [0x10, 'DESKTOP_JOURNALRECORD'],
    [0x20, 'DESKTOP_JOURNALPLAYBACK'], [0x40, 'DESKTOP_ENUMERATE'], [0x80, 'DESKTOP_WRITEOBJECTS'], [0x100, 'DESKTOP_SWITCHDESKTOP'],
  ],
  Directory: [[0x1, 'DIRECTORY_QUERY'], [0x2, 'DIRECTORY_TRAVERSE'], [0x4, 'DIRECTORY_CREATE_OBJECT'], [0x8, 'DIRECTORY_CREATE_SUBDIRECTORY']],
  EtwRegistration: [
    [0x1, 'WMIGUID_QUERY'], [0x2, 'WMIGUID_SET'], [0x4, 'WMIGUID_NOTIFICATION'], [0x8, 'WMIGUID_READ_DESCRIPTION'], [0x10, 'WMIGUID_EXECUTE'],
    [0x20, 'TRACELOG_CREATE_REALTIME'], [0x40, 'TRACELOG_CREATE_ONDISK'], [0x80, 'TRACELOG_GUID_ENABLE'], [0x100, 'TRACELOG_ACCESS_KERNEL_LOGGER'],
    [0x200, 'TRACELOG_CREATE_INPROC'], [0x400, 'TRACELOG_ACCESS_REALTIME'], [0x800, 'TRACELOG_REGISTER_GUIDS'],
  ],
  Event: [[0x1, 'EVENT_QUERY_STATE'], [0x2, 'EVENT_MODIFY_STATE']],
  File: [
    [0x1, 'FILE_READ_DATA'], [0x2, 'FILE_WRITE_DATA'], [0x4, 'FILE_APPEND_DATA'], [0x8, 'FILE_READ_EA'], [0x10, 'FILE_WRITE_EA'], [0x20, 'FILE_EXECUTE'],
    [0x40, 'FILE_DELETE_CHILD'], [0x80, 'FILE_READ_ATTRIBUTES'], [0x100, 'FILE_WRITE_ATTRIBUTES'],
  ],
  IoCompletion: [[0x1, 'IO_COMPLETION_QUERY_STATE'], [0x2, 'IO_COMPLETION_MODIFY_STATE']],
  Job: [
    [0x1, 'JOB_OBJECT_ASSIGN_PROCESS'], [0x2, 'JOB_OBJECT_SET_ATTRIBUTES'], [0x4, 'JOB_OBJECT_QUERY'], [0x8, 'JOB_OBJECT_TERMINATE'],
    [0x10, 'JOB_OBJECT_SET_SECURITY_ATTRIBUTES'], [0x20, 'JOB_OBJECT_IMPERSONATE'],
  ],
  Key: [
    [0x1, 'KEY_QUERY_VALUE'], [0x2, 'KEY_SET_VALUE'], [0x4, 'KEY_CREATE_SUB_KEY'], [0x8, 'KEY_ENUMERATE_SUB_KEYS'], [0x10, 'KEY_NOTIFY'], [0x20, 'KEY_CREATE_LINK'],
    [0x100, 'KEY_WOW64_64KEY'], [0x200, 'KEY_WOW64_32KEY'],
  ],
  Mutant: [[0x1, 'MUTANT_QUERY_STATE']],
  Process: [
    [0x1, 'PROCESS_TERMINATE'], [0x2, 'PROCESS_CREATE_THREAD'], [0x4, 'PROCESS_SET_SESSIONID'], [0x8, 'PROCESS_VM_OPERATION'], [0x10, 'PROCESS_VM_READ'],
    [0x20, 'PROCESS_VM_WRITE'], [0x40, 'PROCESS_DUP_HANDLE'], [0x80, 'PROCESS_CREATE_PROCESS'], [0x100, 'PROCESS_SET_QUOTA'], [0x200, 'PROCESS_SET_INFORMATION'],
    [0x400, 'PROCESS_QUERY_INFORMATION'], [0x800, 'PROCESS_SUSPEND_RESUME'], [0x1000, 'PROCESS_QUERY_LIMITED_INFORMATION'], [0x2000, 'PROCESS_SET_LIMITED_INFORMATION'],
  ],
  Section: [[0x1, 'SECTION_QUERY'], [0x2, 'SECTION_MAP_WRITE'], [0x4, 'SECTION_MAP_READ'], [0x8, 'SECTION_MAP_EXECUTE'], [0x10, 'SECTION_EXTEND_SIZE'], [0x20, 'SECTION_MAP_EXECUTE_EXPLICIT']],
  Semaphore: [[0x1, 'SEMAPHORE_QUERY_STATE'], [0x2, 'SEMAPHORE_MODIFY_STATE']],
  SymbolicLink: [[0x1, 'SYMBOLIC_LINK_QUERY'], [0x2, 'SYMBOLIC_LINK_SET']],
  Thread: [
    [0x1, 'THREAD_TERMINATE'], [0x2, 'THREAD_SUSPEND_RESUME'], [0x4, 'THREAD_ALERT'], [0x8, 'THREAD_GET_CONTEXT'], [0x10, 'THREAD_SET_CONTEXT'], [0x20, 'THREAD_SET_INFORMATION'],
    [0x40, 'THREAD_QUERY_INFORMATION'], [0x80, 'THREAD_SET_THREAD_TOKEN'], [0x100, 'THREAD_IMPERSONATE'], [0x200, 'THREAD_DIRECT_IMPERSONATION'],
    [0x400, 'THREAD_SET_LIMITED_INFORMATION'], [0x800, 'THREAD_QUERY_LIMITED_INFORMATION'], [0x1000, 'THREAD_RESUME'],
  ],
  Timer: [[0x1, 'TIMER_QUERY_STATE'], [0x2, 'TIMER_MODIFY_STATE']],
  Token: [
    [0x1, 'TOKEN_ASSIGN_PRIMARY'], [0x2, 'TOKEN_DUPLICATE'], [0x4, 'TOKEN_IMPERSONATE'], [0x8, 'TOKEN_QUERY'], [0x10, 'TOKEN_QUERY_SOURCE'],
    [0x20, 'TOKEN_ADJUST_PRIVILEGES'], [0x40, 'TOKEN_ADJUST_GROUPS'], [0x80, 'TOKEN_ADJUST_DEFAULT'], [0x100, 'TOKEN_ADJUST_SESSIONID'],
  ],
  WindowStation: [
    [0x1, 'WINSTA_ENUMDESKTOPS'], [0x2, 'WINSTA_READATTRIBUTES'], [0x4, 'WINSTA_ACCESSCLIPBOARD'], [0x8, 'WINSTA_CREATEDESKTOP'], [0x10, 'WINSTA_WRITEATTRIBUTES'],
    [0x20, 'WINSTA_ACCESSGLOBALATOMS'], [0x40, 'WINSTA_EXITWINDOWS'], [0x100, 'WINSTA_ENUMERATE'], [0x200, 'WINSTA_READSCREEN'],
  ],
};

/** All rights at once, where bits beyond the named ones belong to them since Vista. */
const ALL: Readonly<Record<string, readonly [mask: number, name: string]>> = { Process: [0x1f_ffff, 'PROCESS_ALL_ACCESS'], Thread: [0x1f_ffff, 'THREAD_ALL_ACCESS'] };

/** The rights of an access mask by name, `PROCESS_VM_READ | SYNCHRONIZE`; bits without a name in hex. Empty when none is granted. */
export function accessRights(type: string, mask: number): string {
  const names: string[] = [];
  let left = mask;
  const all = Object.hasOwn(ALL, type) ? ALL[type] : undefined;
  if (all !== undefined && (mask & all[0]) === all[0]) {
    names.push(all[1]);
    left &= ~all[0];
  }
  for (const [bit, name] of [...(Object.hasOwn(SPECIFIC, type) ? SPECIFIC[type] ?? [] : []), ...STANDARD]) {
    if ((left & bit) === 0) continue;
    names.push(name);
    left &= ~bit;
  }
  if (left !== 0) names.push(`0x${hex(left >>> 0)}`);
  return names.join(' | ');
}
