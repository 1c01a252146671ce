/** Places in `_KTHREAD`, in bytes. */
export interface ThreadForm {
  readonly name: string;
  readonly pointerSize: 4 | 8;
  /** `_KTHREAD.Process`; undefined where only `_ETHREAD.ThreadsProcess` says it (32-bit XP). */
  readonly process: number | undefined;
  readonly teb: number;
  readonly initialStack: number;
  readonly stackLimit: number;
  readonly stackBase: number;
  readonly trapFrame: number;
  readonly state: number;
  readonly waitReason: number;
  readonly basePriority: number;
  readonly priority: number;
  readonly suspendCount: number;
  readonly running: number | undefined;
}

/** Forms by the symbols of the builds named; since Windows 8 they stay. */
export const THREAD_FORMS: readonly ThreadForm[] = [
  { name: 'Windows 8 and later', pointerSize: 8, process: 0x220, teb: 0xf0, initialStack: 0x28, stackLimit: 0x30, stackBase: 0x38, trapFrame: 0x90,
    state: 0x184, waitReason: 0x283, basePriority: 0x233, priority: 0xc3, suspendCount: 0x284, running: 0x71 },
  { name: 'Windows 8 and later', pointerSize: 4, process: 0x150, teb: 0xa8, initialStack: 0x20, stackLimit: 0x24, stackBase: 0x28, trapFrame: 0x6c,
    state: 0x90, waitReason: 0x18b, basePriority: 0x15b, priority: 0x87, suspendCount: 0x18c, running: 0x55 },
  { name: 'Windows 7', pointerSize: 8, process: 0x210, teb: 0xb8, initialStack: 0x28, stackLimit: 0x30, stackBase: 0x278, trapFrame: 0x1d8,
    state: 0x164, waitReason: 0x26b, basePriority: 0x1f1, priority: 0x7b, suspendCount: 0x26c, running: 0x49 },
  { name: 'Windows 7', pointerSize: 4, process: 0x150, teb: 0x88, initialStack: 0x28, stackLimit: 0x2c, stackBase: 0x190, trapFrame: 0x128,
    state: 0x68, waitReason: 0x187, basePriority: 0x135, priority: 0x57, suspendCount: 0x188, running: 0x39 },
  { name: 'Windows Vista', pointerSize: 8, process: 0x1f8, teb: 0xb0, initialStack: 0x28, stackLimit: 0x30, stackBase: 0x250, trapFrame: 0x1c8,
    state: 0x154, waitReason: 0x94, basePriority: 0x1e1, priority: 0x73, suspendCount: 0x244, running: undefined },
  { name: 'Windows Vista', pointerSize: 4, process: 0x144, teb: 0x84, initialStack: 0x28, stackLimit: 0x2c, stackBase: 0x174, trapFrame: 0x120,
    state: 0x5c, waitReason: 0x6c, basePriority: 0x131, priority: 0x4f, suspendCount: 0x16c, running: undefined },
  { name: 'Windows Server 2003 SP2', pointerSize: 8, process: 0x1e8, teb: 0xb0, initialStack: 0x28, stackLimit: 0x30, stackBase: 0x240, trapFrame: 0x1c8,
    state: 0x154, waitReason: 0x92, basePriority: 0x1dd, priority: 0x93, suspendCount: 0x234, running: undefined },
  { name: 'Windows Server 2003 SP1', pointerSize: 8, process: 0x200, teb: 0xb0, initialStack: 0x28, stackLimit: 0x30, stackBase: 0x258, trapFrame: 0x1c8,
    state: 0x154, waitReason: 0x92, basePriority: 0x1f5, priority: 0x93, suspendCount: 0x24c, running: undefined },
  { name: 'Windows Server 2003 SP1', pointerSize: 4, process: 0x128, teb: 0x74, initialStack: 0x18, stackLimit: 0x1c, stackBase: 0x158, trapFrame: 0x110,
    state: 0x4c, waitReason: 0x5a, basePriority: 0x121, priority: 0x5b, suspendCount: 0x150, running: undefined },
  { name: 'Windows Server 2003', pointerSize: 4, process: 0x11c, teb: 0x30, initialStack: 0x18, stackLimit: 0x1c, stackBase: 0x15c, trapFrame: 0x150,
    state: 0x2c, waitReason: 0x5a, basePriority: 0x110, priority: 0x5b, suspendCount: 0x1bb, running: undefined },
  { name: 'Windows XP', pointerSize: 4, process: undefined, teb: 0x20, initialStack: 0x18, stackLimit: 0x1c, stackBase: 0x168, trapFrame: 0x134,
    state: 0x2d, waitReason: 0x5b, basePriority: 0x6c, priority: 0x33, suspendCount: 0x1b9, running: undefined },
];
