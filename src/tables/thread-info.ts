import { textTime } from '../bytes/filetime.js';
import { hex } from '../bytes/hex.js';
import { LEVELS } from '../windows/token-detail.js';
import { STATES, WAIT_REASONS } from '../windows/thread.js';
import { affinityText, marksText, startText, type ThreadVerboseRow } from './threads-verbose.js';

/** Where a value that stands to the right ends. */
const WIDTH = 36;

function right(key: string, value: string, behind = ''): string {
  return `${key}:${value.padStart(WIDTH - key.length - 1)}${behind === '' ? '' : ` ${behind}`}\n`;
}

/** MemProcFS's 23 lines. */
function known({ thread: t }: ThreadVerboseRow): string {
  const address = (key: string, value: bigint | undefined): string => right(key, hex(value ?? 0n));
  return [
    right('PID', String(t.pid)), right('TID', String(t.tid)), right('ExitStatus', hex(t.exitStatus)),
    right('State', hex(t.state), STATES[t.state] ?? 'Unknown'), right('WaitReason', hex(t.waitReason), WAIT_REASONS[t.waitReason] ?? 'Unknown'),
    right('SuspendCount', hex(t.suspendCount)), right('Running', t.running ? '1' : '0'), right('Priority', hex(t.priority)), right('BasePriority', hex(t.basePriority)),
    address('ETHREAD', t.address), address('TEB', t.teb), address('StartAddress', t.startAddress), address('Win32StartAddress', t.win32StartAddress),
    address('UserStackBase', t.userStackBase), address('UserStackLimit', t.userStackLimit),
    address('KernelStackBase', t.kernelStackBase), address('KernelStackLimit', t.kernelStackLimit),
    address('TrapFrame', t.trapFrame), address('StackPointer', t.stackPointer), address('InstructionPointer', t.instructionPointer),
    address('ImpersonationToken', t.impersonationToken),
    `CreateTime:  ${textTime(t.created)}\n`, `ExitTime:    ${textTime(t.exited)}\n`,
  ].join('');
}

const DEBUG_NAMES = ['DR0', 'DR1', 'DR2', 'DR3', 'DR6', 'DR7'];
const MODES = ['kernel', 'user'];

/** A thread as `info.txt` shows it: MemProcFS's lines, then a line for each thing more that is known. Reads the image. */
export function threadInfoText(row: ThreadVerboseRow): string {
  const { process, thread, source, detail } = row;
  const lines: string[] = [];
  const line = (key: string, value: string | number | undefined): void => {
    if (value !== undefined && value !== '') lines.push(`${`${key}:`.padEnd(20)} ${value}\n`);
  };
  const number = (value: bigint | number | undefined): string | undefined => value === undefined ? undefined : hex(value);
  line('Name', thread.name);
  line('Source', source);
  line('Marks', marksText(row));
  line('Start', startText(process, thread.startAddress));
  line('Win32Start', startText(process, thread.win32StartAddress));
  line('Instruction', thread.instructionPointer === undefined ? undefined : startText(process, thread.instructionPointer));
  line('KernelStack', number(thread.kernelStack));
  line('InitialStack', number(thread.initialStack));
  if (detail !== undefined) {
    line('StackAllocation', number(detail.stackAllocation));
    line('TEB32', number(detail.teb32));
    line('Win32Thread', number(detail.win32Thread));
    line('SystemCall', number(detail.systemCall));
    line('PreviousMode', detail.previousMode === undefined ? undefined : MODES[detail.previousMode]);
    line('WaitMode', detail.waitMode === undefined ? undefined : MODES[detail.waitMode]);
    line('WaitIrql', detail.waitIrql);
    line('Affinity', affinityText(detail));
    line('IdealProcessor', detail.idealProcessor);
    line('NextProcessor', detail.nextProcessor);
    line('ContextSwitches', detail.contextSwitches);
    line('KernelTime', detail.kernelTime);
    line('UserTime', detail.userTime);
    line('IoPriority', detail.ioPriority);
    line('PagePriority', detail.pagePriority);
    line('FreezeCount', detail.freezeCount);
    line('Flags', detail.flags.join(','));
    line('LastError', number(detail.lastError));
    line('ServiceTag', number(detail.serviceTag));
    line('ImpersonationLevel', thread.impersonationToken === 0n || detail.impersonationLevel === undefined ? undefined : LEVELS[detail.impersonationLevel]);
    line('DebugActive', detail.debug.active === undefined ? undefined : detail.debug.active ? '1' : '0');
    detail.debug.values?.forEach((value, i) => line(DEBUG_NAMES[i] ?? '', hex(value, 16)));
  }
  return known(row) + lines.join('');
}
