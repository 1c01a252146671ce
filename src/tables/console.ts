import type { Column, Table } from '../vfs/column.js';
import { UNKNOWN } from '../vfs/table.js';
import type { Alias, Command, CommandHistory, Console, Screen, ScreenRow } from '../windows/console.js';
import type { Process } from '../windows/process.js';

/** A line of a screen, with where it stands. */
export interface ConsoleRow {
  readonly host: Process;
  /** From 0 on, of all screens of the consoles. */
  readonly screenNumber: number;
  readonly screen: Screen;
  readonly number: number;
  readonly row: ScreenRow;
}

/** A line that was typed, with the history that it is in. */
export interface HistoryRow {
  readonly host: Process;
  readonly console: Console;
  readonly history: CommandHistory;
  /** From 0 on, the oldest first. */
  readonly number: number;
  readonly command: Command;
}

export interface AliasRow {
  readonly host: Process;
  readonly alias: Alias;
}

const HOST_ID: Column<{ readonly host: Process }> = { name: 'host', csv: 'HostPID', kind: 'decimal', value: ({ host }) => host.pid, doc: 'the process that holds the console' };
const HOST: Column<{ readonly host: Process }> = { ...HOST_ID, text: { width: 7, align: 'right' } };
const text = <R>(name: string, csv: string, width: number, value: (row: R) => string | undefined, doc: string): Column<R> =>
  ({ name, csv, kind: 'text', value, text: { width, align: 'left', show: (row) => value(row) ?? UNKNOWN }, doc });

/** The rows of consoles' screens; their text is `console.txt`. */
export const CONSOLE_ROWS: Table<ConsoleRow> = {
  name: 'console',
  doc: 'The rows of the screens of a console, from the top; its text form is the screen itself.',
  heading: 'Text',
  columns: [
    HOST_ID,
    { name: 'screen', csv: 'Screen', kind: 'decimal', value: ({ screenNumber }) => screenNumber, doc: 'which screen buffer; 0 is the one that is shown, where that is known' },
    { name: 'row', csv: 'Row', kind: 'decimal', value: ({ number }) => number, doc: 'which row of it, from 0 on' },
    { name: 'wrapped', csv: 'Wrapped', kind: 'flag', value: ({ row }) => row.wrapped, doc: 'the line goes on in the next row' },
    { name: 'ordered', csv: 'Ordered', kind: 'flag', value: ({ screen }) => screen.ordered, doc: '1: rows are in the screen\'s order; 0: in that of memory, since what says where the screen begins was not found' },
    { name: 'address', csv: 'Address', kind: 'address', value: ({ row }) => row.address, doc: 'where the row\'s record lies' },
    { name: 'text', csv: 'Text', kind: 'text', value: ({ row }) => row.text, doc: 'its characters; absent when they are not in the image' },
    { name: 'source', csv: 'Source', kind: 'text', value: ({ screen }) => screen.source, doc: 'how the screen was found' },
  ],
};

/** The lines that were typed in consoles. */
export const CONSOLE_HISTORY: Table<HistoryRow> = {
  name: 'console_history',
  doc: 'The lines that were typed in a console, by the programs that read them, the oldest first.',
  heading: '   # HostPID     PID Application          No State    Command',
  index: 4,
  textOrder: ['host', 'pid', 'application', 'number', 'state', 'command'],
  columns: [
    HOST,
    { name: 'pid', csv: 'PID', kind: 'decimal', value: ({ history }) => history.pid, text: { width: 7, align: 'right' }, doc: 'the program, by the handle that the history keeps; absent when it is gone' },
    text('application', 'Application', 18, ({ history }) => history.application, 'the program that the lines were typed to'),
    { name: 'number', csv: 'Number', kind: 'decimal', value: ({ number }) => number, text: { width: 4, align: 'right' }, doc: 'which line, from 0 on' },
    { ...text<HistoryRow>('state', 'State', 8, ({ command }) => (command.removed ? 'removed' : 'kept'), 'kept: in the history; removed: given up (cleared, or pushed out), but its record is still there'), ours: true },
    { name: 'in_use', csv: 'InUse', kind: 'flag', value: ({ history }) => history.inUse, doc: 'a program uses the history now' },
    { name: 'address', csv: 'Address', kind: 'address', value: ({ command }) => command.address, doc: 'where the line\'s record lies' },
    { name: 'history', csv: 'History', kind: 'address', value: ({ history }) => history.address, doc: 'where the history lies' },
    text('command', 'Command', 64, ({ command }) => command.text, 'the line; *** when it is not in the image'),
    {
      name: 'source', csv: 'Source', kind: 'text', doc: 'how the history was found',
      value: ({ console }) => (console.information === undefined ? 'by the search for histories' : 'on the list of its console'),
    },
  ],
};

/** The aliases that consoles keep for programs. */
export const CONSOLE_ALIASES: Table<AliasRow> = {
  name: 'console_aliases',
  doc: 'Words that stand for lines in a console (doskey).',
  heading: '   # HostPID Program              Source               Target',
  index: 4,
  columns: [
    HOST,
    text('program', 'Program', 20, ({ alias }) => alias.program, 'the program that it holds for'),
    text('source', 'Source', 20, ({ alias }) => alias.source, 'the word'),
    text('target', 'Target', 64, ({ alias }) => alias.target, 'what it stands for'),
  ],
};
