// Kernel files by PE timestamp and image size, with the offsets and addresses that are published for them.

/** What System Informer's kphdyn.xml calls a field, by Windows' own path. */
const PATHS = {
  EgeGuid: '_ETW_GUID_ENTRY.Guid', EreGuidEntry: '_ETW_REG_ENTRY.GuidEntry', EpObjectTable: '_EPROCESS.ObjectTable', EpSectionObject: '_EPROCESS.SectionObject',
  HtHandleContentionEvent: '_HANDLE_TABLE.HandleContentionEvent', OtName: '_OBJECT_TYPE.Name', OtIndex: '_OBJECT_TYPE.Index',
  ObDecodeShift: 'ObDecodeShift', ObAttributesShift: 'ObAttributesShift',
  AlpcCommunicationInfo: '_ALPC_PORT.CommunicationInfo', AlpcOwnerProcess: '_ALPC_PORT.OwnerProcess', AlpcConnectionPort: '_ALPC_COMMUNICATION_INFO.ConnectionPort',
  AlpcServerCommunicationPort: '_ALPC_COMMUNICATION_INFO.ServerCommunicationPort', AlpcClientCommunicationPort: '_ALPC_COMMUNICATION_INFO.ClientCommunicationPort',
  AlpcHandleTable: '_ALPC_COMMUNICATION_INFO.HandleTable', AlpcHandleTableLock: '_ALPC_HANDLE_TABLE.Lock', AlpcAttributes: '_ALPC_PORT.PortAttributes',
  AlpcAttributesFlags: '_ALPC_PORT_ATTRIBUTES.Flags', AlpcPortContext: '_ALPC_PORT.PortContext', AlpcPortObjectLock: '_ALPC_PORT.PortObjectLock',
  AlpcSequenceNo: '_ALPC_PORT.SequenceNo', AlpcState: '_ALPC_PORT.u1.State', KtInitialStack: '_KTHREAD.InitialStack', KtStackLimit: '_KTHREAD.StackLimit',
  KtStackBase: '_KTHREAD.StackBase', KtKernelStack: '_KTHREAD.KernelStack', KtReadOperationCount: '_KTHREAD.ReadOperationCount',
  KtWriteOperationCount: '_KTHREAD.WriteOperationCount', KtOtherOperationCount: '_KTHREAD.OtherOperationCount', KtReadTransferCount: '_KTHREAD.ReadTransferCount',
  KtWriteTransferCount: '_KTHREAD.WriteTransferCount', KtOtherTransferCount: '_KTHREAD.OtherTransferCount', MmSectionControlArea: '_SECTION.u1.ControlArea',
  MmControlAreaListHead: '_CONTROL_AREA.ListHead', MmControlAreaLock: '_CONTROL_AREA.ControlAreaLock',
};
const MACHINES = { amd64: 0x8664, arm64: 0xaa64 };
/** Columns of the table of addresses that are addresses; the others are offsets. */
const ADDRESSES = [
  'PspCreateProcessNotifyRoutine', 'PspCreateThreadNotifyRoutine', 'PspLoadImageNotifyRoutine', 'EtwThreatIntProvRegHandle', 'PsProcessType', 'PsThreadType', 'SeCiCallbacks',
];

/** `ntoskrnl_19041-4522.exe` → its addresses; x64 only. */
function addresses(csv) {
  const [heading, ...lines] = csv.trim().split(/\r?\n/).map((line) => line.split(','));
  return new Map(lines.map(([file, ...cells]) => {
    const [, build, revision] = /^ntoskrnl_(\d+)-(\d+)\.exe$/.exec(file);
    return [`10.0.${build}.${revision}`, ADDRESSES.map((name) => Number.parseInt(cells[heading.indexOf(name) - 1], 16) || 0)];
  }));
}

/** @returns rows [machine, file, version, timestamp, image size, set of fields, list of addresses or -1], and the sets */
export function identities({ rows, fields }, csv) {
  const byVersion = addresses(csv);
  const lists = [];
  const used = [...new Set(rows.map((row) => String(row[5])))];
  // One file was shipped under two versions (22621.1483 and .1485): the header cannot tell them apart, the first stands for both.
  const header = ([arch, , , timestamp, size]) => `${arch} ${timestamp} ${size}`;
  const files = [...new Map([...rows].reverse().map((row) => [header(row), row])).values()].reverse();
  const packed = files.map(([arch, file, version, timestamp, size, set]) => {
    const rvas = arch === 'amd64' && file === 'ntoskrnl.exe' ? byVersion.get(version) : undefined;
    const list = rvas === undefined ? -1 : lists.push(rvas.join(',')) - 1;
    return [MACHINES[arch], file, version, timestamp, size, used.indexOf(String(set)), list].join('|');
  });
  const sets = used.map((set) => JSON.stringify(Object.fromEntries(Object.entries(fields[set] ?? {}).map(([name, offset]) => {
    if (PATHS[name] === undefined) throw new Error(`what is ${name}?`);
    return [PATHS[name], offset];
  }))));
  return { rows: packed, fields: sets, addressNames: ADDRESSES, addresses: lists };
}
