import { walk } from '../bytes/walk.js';
import { codeView, peHeader } from '../pe/header.js';
import type { Alias, ConsoleInformation, ConsoleProcess } from './console-information.js';
import type { ClassicLayout } from './console-layouts.js';
import type { HostMemory } from './console-memory.js';
import { MAX_COLUMNS, MAX_ROWS, shown, type Screen, type ScreenRow } from './console-rows.js';
import { heldObject } from './handle.js';

const MAX_SETTING = 999;
const TITLE_CHARACTERS = 1024;
const MAX_SCREENS = 64;
/** Modules of such a name that are asked. */
const MAX_MODULES = 4;

/** A console up to 8.1, with its screens. */
export interface ClassicConsole {
  readonly information: ConsoleInformation;
  readonly screens: readonly Screen[];
}

/** The console whose list of histories has its head here; undefined when there is none. */
export function classicConsole(host: HostMemory, head: bigint, layout: ClassicLayout, found: string): ClassicConsole | undefined {
  const { information } = layout;
  const address = head - BigInt(information.histories);
  const at = (offset: number): bigint => address + BigInt(offset);
  const short = (offset: number): number => host.read(at(offset), 2)?.readUInt16LE(0) ?? 0;
  const [count, historyMax, historySize] = [short(information.historyCount), short(information.historyMax), short(information.historySize)];
  if (count > historyMax || historyMax === 0 || historyMax > MAX_SETTING || historySize === 0 || historySize > MAX_SETTING) return undefined;
  const processes = host.ring(at(information.processes));
  if (processes === undefined || host.ring(head) === undefined) return undefined;
  const active = host.pointer(at(information.currentScreen));
  const title = (offset: number): string | undefined => {
    const pointer = host.pointer(at(offset));
    return pointer === undefined ? undefined : host.textToNul(pointer, TITLE_CHARACTERS);
  };
  return {
    information: {
      address, source: `${found}, by the layout of ${layout.build === 0 ? 'XP' : 'Windows 7'}`, title: title(information.title), originalTitle: title(information.originalTitle),
      historySize, historyMax, processes: processes.flatMap((node) => consoleProcess(host, node, layout) ?? []),
      aliases: aliases(host, at(information.aliases), layout), activeScreen: active === 0n ? undefined : active,
    },
    screens: screens(host, [active, host.pointer(at(information.screens))], layout),
  };
}

/** Where symbols of the host's own modules say that the console's data, or a pointer to it, lies. */
export function symbolConsoles(host: HostMemory): readonly bigint[] {
  const { process } = host;
  return process.modules().filter(({ name }) => /^(?:conhost\.exe|winsrv\.dll)$/i.test(name)).slice(0, MAX_MODULES).flatMap(({ base }) => {
    const header = peHeader(host.memory, base);
    const view = header && codeView(host.memory, base, header);
    const rva = view && process.kernel.moduleSymbols(view)?.symbol('gConsoleInformation');
    if (rva === undefined) return [];
    const address = base + BigInt(rva);
    return [address, host.pointer(address)].filter((one) => one !== undefined);
  });
}

/** `_CONSOLE_PROCESS`: the host's handle says which process it is. */
function consoleProcess(host: HostMemory, node: bigint, layout: ClassicLayout): ConsoleProcess | undefined {
  const handle = host.read(node + BigInt(layout.processHandle), 4)?.readUInt32LE(0);
  return handle === undefined ? undefined : { handle, pid: handlePid(host, handle) };
}

/** The process that a handle of the host is of. */
export function handlePid(host: HostMemory, handle: number): number | undefined {
  if (handle === 0 || handle % 4 !== 0) return undefined;
  const { process } = host;
  const held = heldObject(process, handle);
  if (held?.header?.type?.name !== 'Process') return undefined;
  const offset = process.kernel.profile.field('_EPROCESS', 'UniqueProcessId')?.offset;
  const pid = offset === undefined ? undefined : process.kernel.pointer(held.body + BigInt(offset));
  return pid === undefined ? undefined : Number(pid & 0xffff_ffffn);
}

function aliases(host: HostMemory, head: bigint, { exe, alias }: ClassicLayout): readonly Alias[] | undefined {
  const short = (address: bigint): number => host.read(address, 2)?.readUInt16LE(0) ?? 0;
  const text = (address: bigint, characters: number): string | undefined => {
    const pointer = host.pointer(address);
    return pointer === undefined ? undefined : host.text(pointer, characters);
  };
  return host.ring(head)?.flatMap((program) => {
    const name = text(program + BigInt(exe.name), short(program + BigInt(exe.length)));
    return (host.ring(program + BigInt(exe.aliases)) ?? []).map((node): Alias => ({
      program: name,
      source: text(node + BigInt(alias.source), short(node + BigInt(alias.sourceLength)) >> 1),
      target: text(node + BigInt(alias.target), short(node + BigInt(alias.targetLength)) >> 1),
    }));
  });
}

/** The screens on the list that begins with the one that is shown, and on the console's own. */
function screens(host: HostMemory, firsts: readonly (bigint | undefined)[], layout: ClassicLayout): readonly Screen[] {
  const next = BigInt(layout.screen.next);
  const roots = [...new Set(firsts)].filter((address) => address !== undefined && address !== 0n) as bigint[];
  const addresses = new Set<bigint>();
  for (const root of roots) {
    // The console's own list has the one that is shown too.
    for (const screen of walk([root], (address) => address, (address) => {
      const forward = host.pointer(address + next);
      return forward === undefined ? undefined : { value: address, next: forward === 0n || addresses.has(forward) ? [] : [forward] };
    }, { where: host.where, cap: MAX_SCREENS, anomalies: host.process.anomalies }, (address) => addresses.has(address))) addresses.add(screen);
  }
  return [...addresses].flatMap((address) => screen(host, address, layout) ?? []);
}

function screen(host: HostMemory, address: bigint, { screen, row, build }: ClassicLayout): Screen | undefined {
  const short = (offset: number): number => host.read(address + BigInt(offset), 2)?.readUInt16LE(0) ?? 0;
  const [width, height] = [short(screen.width), short(screen.height)];
  const array = host.pointer(address + BigInt(screen.rows));
  if (width === 0 || width > MAX_COLUMNS || height === 0 || height > MAX_ROWS || array === undefined) return undefined;
  const rows: ScreenRow[] = [];
  const table = host.take(array, height * row.size);
  for (let i = 0; i < height; i += 1) {
    const at = array + BigInt(i * row.size);
    const pointer = table === undefined ? host.pointer(at + BigInt(row.text)) : host.word(table, i * row.size + row.text);
    const text = pointer === undefined ? undefined : host.text(pointer, width);
    rows.push({ address: at, text: text === undefined ? undefined : shown(text, false), wrapped: false });
  }
  return { address, rows, ordered: false, source: `by its console, by the layout of ${build === 0 ? 'XP' : 'Windows 7'}` };
}
