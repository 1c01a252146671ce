import { processHandle } from './console-history.js';
import { INFORMATION_LAYOUTS, type InformationLayout } from './console-layouts.js';
import { MAX_MEMBERS, type HostMemory } from './console-memory.js';

/** A program that uses a console, by the host's list. */
export interface ConsoleProcess {
  /** Undefined where it cannot be told any more. */
  readonly pid: number | undefined;
  /** The handle that the host has of it. */
  readonly handle: number;
}

/** A word that stands for a line, for one program. */
export interface Alias {
  readonly program: string | undefined;
  readonly source: string | undefined;
  readonly target: string | undefined;
}

/** What a console knows of itself. Corresponds to `_CONSOLE_INFORMATION`. */
export interface ConsoleInformation {
  readonly address: bigint;
  /** How it was found, and by which layout. */
  readonly source: string;
  readonly title: string | undefined;
  readonly originalTitle: string | undefined;
  /** Lines that a history keeps. */
  readonly historySize: number;
  /** Histories that the console keeps. */
  readonly historyMax: number;
  readonly processes: readonly ConsoleProcess[];
  /** Undefined where the layout does not say where they are. */
  readonly aliases: readonly Alias[] | undefined;
  /** The screen buffer that is shown: of its text buffer, and before 1809 of its own record. */
  readonly activeScreen: bigint | undefined;
}

const MAX_SETTING = 999;
const TITLE_CHARACTERS = 1024;
const HOST_MODULE = /^(?:conhost|conhostv2|openconsole)\.(?:exe|dll)$/i;
const MAX_MODULE = 16 << 20;
const MAX_MODULES = 4;

/** The console of a 64-bit host since 1809: where its own data points to the list that the histories are on. */
export function findInformation(host: HostMemory, sentinels: ReadonlySet<bigint>): ConsoleInformation | undefined {
  if (host.pointerSize !== 8 || sentinels.size === 0) return undefined;
  const { build } = host.process.kernel.profile;
  const layouts = [...INFORMATION_LAYOUTS].sort((a, b) => distance(a, build) - distance(b, build));
  for (const { base, size } of host.process.modules().filter((module) => HOST_MODULE.test(module.name) && module.size <= MAX_MODULE).slice(0, MAX_MODULES)) {
    for (const { start, bytes, own } of host.piecesOf(base, base + BigInt(size))) {
      for (let at = 0; at < own && at + 8 <= bytes.length; at += 8) {
        // No pointer of a program has more: nearly every place fails here.
        if (bytes.readUInt16LE(at + 6) !== 0 || !sentinels.has(bytes.readBigUInt64LE(at))) continue;
        for (const layout of layouts) {
          const found = information(host, start + BigInt(at - layout.histories), layout);
          if (found !== undefined) return found;
        }
      }
    }
  }
  return undefined;
}

/** Layouts of later builds come after all earlier ones. */
function distance({ build: of }: InformationLayout, build: number): number {
  return of <= build ? build - of : of * 2;
}

/** Undefined when what is there is no console by this layout. */
function information(host: HostMemory, address: bigint, layout: InformationLayout): ConsoleInformation | undefined {
  const at = (offset: number): bigint => address + BigInt(offset);
  const short = (offset: number): number => host.read(at(offset), 2)?.readUInt16LE(0) ?? 0;
  const [historySize, historyMax] = [short(layout.historySize), short(layout.historyMax)];
  if (![historySize, historyMax].every((value) => value > 0 && value <= MAX_SETTING)) return undefined;
  const processes = members(host, at(layout.processes));
  if (processes === undefined || members(host, at(layout.histories)) === undefined) return undefined;
  const [title, originalTitle] = [titleAt(host, at(layout.title)), titleAt(host, at(layout.originalTitle))];
  if (title === undefined && originalTitle === undefined) return undefined;
  return {
    address, source: `by the list that its histories are on, by the layout of ${layout.name}`, title, originalTitle, historySize, historyMax,
    processes: processes.flatMap((node) => processHandle(host, host.pointer(node + 16n) ?? 0n) ?? []),
    aliases: layout.aliases === undefined ? undefined : aliases(host, at(layout.aliases)),
    activeScreen: activeText(host, at(layout.currentScreen), layout),
  };
}

/**
 * The nodes of a `std::list`: its head is a pointer to a sentinel, and the count.
 * @returns undefined when they are not a list: it does not close, or has another count
 */
function members(host: HostMemory, head: bigint): readonly bigint[] | undefined {
  const [sentinel, count] = [host.pointer(head), host.pointer(head + 8n)];
  if (sentinel === undefined || count === undefined || count > BigInt(MAX_MEMBERS) || !host.isUser(sentinel)) return undefined;
  const nodes = host.ring(sentinel);
  return nodes !== undefined && BigInt(nodes.length) === count ? nodes : undefined;
}

/** A `std::wstring`, or a pointer to a text. */
function titleAt(host: HostMemory, address: bigint): string | undefined {
  const bytes = host.read(address, 32);
  if (bytes === undefined) return undefined;
  const text = host.string(bytes, 0)?.text;
  if (text !== undefined) return text;
  const pointer = host.word(bytes, 0);
  return host.isUser(pointer) ? host.textToNul(pointer, TITLE_CHARACTERS) : undefined;
}

/** `unordered_map<wstring, unordered_map<wstring, wstring>>`, by the lists that keep their elements. */
function aliases(host: HostMemory, head: bigint): readonly Alias[] | undefined {
  const text = (address: bigint): string | undefined => {
    const bytes = host.read(address, 32);
    return bytes && host.string(bytes, 0)?.text;
  };
  return members(host, head)?.flatMap((program) => {
    const name = text(program + 0x10n);
    return (members(host, program + 0x38n) ?? []).map((node): Alias => ({ program: name, source: text(node + 0x10n), target: text(node + 0x30n) }));
  });
}

/** The text buffer of the screen that is shown. */
function activeText(host: HostMemory, current: bigint, layout: InformationLayout): bigint | undefined {
  const screen = host.pointer(current);
  if (screen === undefined || screen === 0n) return undefined;
  return layout.textBuffer.map((offset) => host.pointer(screen + BigInt(offset))).find((text) => text !== undefined && host.isUser(text));
}
