import { hex } from '../../src/bytes/hex.js';
import { CONSOLE_ALIASES, CONSOLE_HISTORY, CONSOLE_ROWS, type AliasRow, type ConsoleRow, type HistoryRow } from '../../src/tables/console.js';
import { directory } from '../../src/vfs/directory.js';
import type { BytesFile, Directory } from '../../src/vfs/node.js';
import { tableFile, UNKNOWN } from '../../src/vfs/table.js';
import { safeLine } from '../../src/vfs/text.js';
import { consoleHost, consoleNote, HostConsoles, type Console, type ConsoleHost, type HostSource, type Screen } from '../../src/windows/console.js';
import type { Process } from '../../src/windows/process.js';
import type { TreeServices } from './services.js';

const SOURCES: Readonly<Record<HostSource, string>> = {
  itself: 'this process holds consoles',
  kernel: 'by its _EPROCESS',
  parent: 'it is this process\'s child',
  session: 'the csrss.exe of its session',
};
/** PowerShell keeps its lines itself. */
const POWERSHELL = /^(?:powershell|pwsh)\.exe$/i;

/** `console/` of a process; undefined when it has none, as far as is known. */
export function consoleDirectory(process: Process, { tree }: TreeServices): Directory | undefined {
  const found = consoleHost(process, tree?.windows.processes() ?? [process]);
  if (found === undefined) return undefined;
  const { host } = found;
  const consoles = (): readonly Console[] => HostConsoles.of(host).of(process);
  const screens = (): readonly Screen[] => consoles().flatMap((one) => one.screens);
  return directory({
    'aliases.txt': tableFile(CONSOLE_ALIASES, function* rows(): Generator<AliasRow> {
      for (const { information } of consoles()) for (const alias of information?.aliases ?? []) yield { host, alias };
    }, { cost: 'slow' }),
    'console.txt': consoleFile(host, screens),
    'history.txt': tableFile(CONSOLE_HISTORY, function* rows(): Generator<HistoryRow> {
      for (const console of consoles()) {
        for (const history of console.histories) yield* history.commands.map((command, number) => ({ host, console, history, number, command }));
      }
    }, { cost: 'slow' }),
    'info.txt': {
      kind: 'bytes', cost: 'slow', doc: 'titles, programs and settings of the console, and how each was found',
      render: () => Buffer.from(`${information(process, found, consoles()).map(safeLine).join('\n')}\n`),
    },
  }, { doc: 'text of its console window and the commands typed there' });
}

/** The text of the screens, the shown one first; its twins say each row's place. */
function consoleFile(host: Process, screens: () => readonly Screen[]): BytesFile {
  const rows = tableFile(CONSOLE_ROWS, function* rows(): Generator<ConsoleRow> {
    for (const [screenNumber, screen] of screens().entries()) {
      for (const [number, row] of written(screen).entries()) yield { host, screenNumber, screen, number, row };
    }
  }, { cost: 'slow', doc: 'text of the console\'s screen, the rest of its buffer included' });
  return { ...rows, render: () => Buffer.from(screens().map(screenText).join('\n----- another screen buffer -----\n')) };
}

/** The rows up to the last that holds something. */
function written({ rows }: Screen): readonly Screen['rows'][number][] {
  const last = rows.findLastIndex(({ text }) => text === undefined || text.trim() !== '');
  return rows.slice(0, last + 1);
}

function screenText(screen: Screen): string {
  return written(screen).map(({ text, wrapped }) => `${text === undefined ? UNKNOWN : safeLine(text)}${wrapped ? '' : '\n'}`).join('');
}

function information(process: Process, { host, source }: ConsoleHost, consoles: readonly Console[]): string[] {
  const name = (pid: number | undefined): string => (pid === undefined ? UNKNOWN : String(pid));
  const note = consoleNote(process.kernel);
  return [
    `Host:            ${host.pid} ${host.name} (${SOURCES[source]})`,
    ...consoles.flatMap(({ information: known, histories, screens }, i) => [
      '',
      `Console ${i}:       ${known === undefined ? 'its own record was not found' : `${hex(known.address, 16)}, found ${known.source}`}`,
      ...(known === undefined ? [] : [
        `Title:           ${known.title ?? UNKNOWN}`,
        `Original title:  ${known.originalTitle ?? UNKNOWN}`,
        `Keeps:           ${known.historyMax} histories of ${known.historySize} commands`,
        ...known.processes.map(({ pid, handle }) => `Process:         ${name(pid)} (handle ${hex(handle)} of the host)`),
        `Aliases:         ${known.aliases === undefined ? 'where they are is not known, or they are not in the image' : known.aliases.length}`,
      ]),
      ...histories.map((history) => `History:         ${hex(history.address, 16)} ${history.application ?? UNKNOWN}, process ${name(history.pid)}, `
        + `${history.commands.filter(({ removed }) => !removed).length} commands, ${history.inUse ? 'in use' : 'no program uses it'}`),
      ...screens.map((screen) => `Screen:          ${hex(screen.address, 16)} ${screen.rows.length} rows, found by ${screen.source.replace(/^by /, '')}; `
        + `rows ${screen.ordered ? 'from the top' : 'in the order of memory'}`),
      ...(histories.length === 0 ? ['History:         none found'] : []),
      ...(screens.length === 0 ? ['Screen:          none found'] : []),
    ]),
    ...(consoles.length === 0 ? ['', 'No console was found that this process uses.'] : []),
    ...(note === undefined ? [] : ['', `Note: ${note}.`]),
    ...(POWERSHELL.test(process.name) ? ['', 'Note: PowerShell keeps what is typed itself (PSReadLine, ConsoleHost_history.txt in the user\'s profile); its own memory is not read.'] : []),
  ];
}
