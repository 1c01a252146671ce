import type { Column, Table } from '../vfs/column.js';
import type { SeenProcess, View } from '../windows/cross-view.js';

const WORDS = { true: 'yes', false: 'no' } as const;

function view(name: View, csv: string, width: number, doc: string): Column<SeenProcess> {
  const value = ({ views }: SeenProcess): boolean | undefined => views[name];
  return {
    name, csv, kind: 'flag', value, doc,
    text: { width, align: 'left', show: (row) => { const known = value(row); return known === undefined ? '-' : WORDS[`${known}`]; } },
  };
}

/** Every process by where it is known from. */
export const PSXVIEW: Table<SeenProcess> = {
  name: 'psxview',
  doc: 'Every process by each place that knows processes, so that one that hides from some of them is seen.',
  heading: '   #    PID Process         EPROCESS         List Scan Cid  Threads Handles Session Csrss Tables Exit Time               Hidden',
  index: 4,
  columns: [
    { name: 'pid', csv: 'PID', kind: 'decimal', value: ({ facts }) => facts.pid, text: { width: 6, align: 'right' }, doc: 'process ID' },
    { name: 'process', csv: 'Process', kind: 'text', value: ({ facts }) => facts.shortName, text: { width: 15, align: 'left' }, doc: 'name as the kernel holds it' },
    { name: 'eprocess', csv: 'EPROCESS', kind: 'address', value: ({ facts }) => facts.address, text: { width: 16, align: 'left' }, doc: 'address of the _EPROCESS' },
    view('list', 'List', 4, 'on the active list (PsActiveProcessHead), which most tools show; in the text yes, no, or - where it was not looked or there is nothing to look at'),
    view('scan', 'Scan', 4, 'found by the pool scan; - until that has ended'),
    view('cid', 'Cid', 4, 'in PspCidTable, until its object is deleted'),
    view('threads', 'Threads', 7, 'a thread of PspCidTable or of the pool scan is its'),
    view('handles', 'Handles', 7, 'another process holds a handle to it'),
    view('session', 'Session', 7, 'on its session\'s list of processes; - when it has no session'),
    view('csrss', 'Csrss', 5, 'csrss.exe holds a handle to it; - for what begins before csrss.exe'),
    view('tables', 'Tables', 6, 'its handle table is on the list of all handle tables'),
    { name: 'exited', csv: 'ExitTime', kind: 'time', value: ({ facts }) => facts.exited, text: { width: 23, align: 'left' }, doc: 'when it ended: ended processes leave one place after the other' },
    {
      name: 'hidden', csv: 'Hidden', kind: 'flag', value: ({ hidden }) => hidden, text: { width: 6, align: 'left', lead: '  ', show: ({ hidden }) => (hidden ? 'hidden' : '') },
      doc: 'it runs, and the active list or PspCidTable do not know it',
    },
  ],
};
