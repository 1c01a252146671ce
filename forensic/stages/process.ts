import { textTime } from '../../src/bytes/filetime.js';
import { hex } from '../../src/bytes/hex.js';
import { kernelPath, PROCESSES, processFlag, processTable } from '../../src/tables/processes.js';
import type { Process } from '../../src/windows/process.js';
import { stage, type TimelineEvent } from '../stage.js';

/** The account, with a star before a well-known one: `*SYSTEM`; empty when not known. */
function account(process: Process): string {
  const token = process.token();
  return token?.user === undefined ? '' : `${token.wellKnown ? '*' : ''}${token.user}`;
}

function* events(p: Process): Generator<TimelineEvent> {
  const user = account(p);
  const event = { pid: p.pid, value32: p.ppid, value64: p.address, text: `${p.name}${user === '' ? '' : ` [${user}]`} ${kernelPath(p)}` };
  yield { ...event, time: p.exited, action: 'DEL' };
  yield { ...event, time: p.created, action: 'CRE' };
}

export const processStage = stage<Process>({
  name: 'process',
  table: PROCESSES,
  waitsForScan: true,
  csv: 'process',
  timeline: { type: 'PROC', file: 'process', events },
  json: { file: 'general', line: (p) => ({
    type: 'process', pid: p.pid, proc: p.name, obj: hex(p.address, 16), addr: hex(processTable(p)), addr2: p.facts.peb && hex(p.facts.peb),
    num: p.ppid, hex: p.terminated ? '1' : '0',
    desc: `flag:[${processFlag(p)}] user:[${account(p)}] path:[${p.facts.kernelPath}] create:[${textTime(p.created).trim()}] exit:[${textTime(p.exited).trim()}]`,
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
