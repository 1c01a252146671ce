import { walk } from '../bytes/walk.js';
import { CLASSIC_LAYOUTS, CONTAINERS_BUILD, HISTORY_LAYOUTS, layoutOf, PROCESS_HANDLE, type ClassicLayout, type HistoryLayout } from './console-layouts.js';
import type { HostMemory, Piece } from './console-memory.js';

/** A line that was typed. */
export interface Command {
  /** Where its record lies. */
  readonly address: bigint;
  /** Undefined when it is not in the image. */
  readonly text: string | undefined;
  /** The history has given it up: its record is still there. */
  readonly removed: boolean;
}

/** What a console remembers of the lines that were typed to one program. Corresponds to `_COMMAND_HISTORY`. */
export interface CommandHistory {
  readonly address: bigint;
  readonly application: string | undefined;
  /** The handle that the host has of the program; undefined when it has none any more. */
  readonly handle: number | undefined;
  /** By the host's own record of the program; undefined where it keeps none. */
  readonly pid: number | undefined;
  /** A program uses it now. */
  readonly inUse: boolean;
  /** How many lines it keeps. */
  readonly most: number;
  /** In the order in which they were typed. */
  readonly commands: readonly Command[];
  /** Where its links lie, and what they lead to. */
  readonly link: bigint;
  readonly forward: bigint;
}

/** Windows itself allows 999. */
export const MAX_HISTORY = 999;
const MAX_HISTORIES = 1024;
const ALLOCATED = 1;
const APPLICATION_CHARACTERS = 256;

/** The histories in a host's own memory, by what each must be: links that lead back, counts that fit each other. */
export function findHistories(host: HostMemory): readonly CommandHistory[] {
  const { kernel: { profile: { build } }, anomalies } = host.process;
  const classic = build < CONTAINERS_BUILD ? layoutOf(CLASSIC_LAYOUTS, build, host.pointerSize) : undefined;
  const found: CommandHistory[] = [];
  for (const piece of host.pieces()) {
    for (const history of classic === undefined ? containedIn(host, piece, HISTORY_LAYOUTS[host.pointerSize]) : classicIn(host, piece, classic)) {
      if (found.length >= MAX_HISTORIES) {
        anomalies.add(host.where, `stopped after ${MAX_HISTORIES} histories`, history.address);
        return found;
      }
      found.push(history);
    }
  }
  return found;
}

/** Since 1809. */
function* containedIn(host: HostMemory, { start, bytes, own }: Piece, layout: HistoryLayout): Generator<CommandHistory> {
  const end = Math.min(own, bytes.length - layout.size + 1);
  const size = layout.application + 16;
  for (let at = 0; at < end; at += 8) {
    const most = bytes.readUInt16LE(at + layout.max);
    if (most === 0 || most > MAX_HISTORY) continue;
    const length = bytes.readUInt32LE(at + size);
    const capacity = bytes.readUInt32LE(at + size + layout.pointerSize);
    if (capacity < 7 || capacity > 0x7fff || length > capacity) continue;
    const history = contained(host, start + BigInt(at), bytes.subarray(at, at + layout.size), layout);
    if (history !== undefined) yield history;
  }
}

function contained(host: HostMemory, address: bigint, bytes: Buffer, layout: HistoryLayout): CommandHistory | undefined {
  const word = (at: number): bigint => host.word(bytes, at);
  const { pointerSize, string } = layout;
  const [begin, last, limit] = [0, 1, 2].map((i) => word(layout.commands + i * pointerSize)) as [bigint, bigint, bigint];
  const most = bytes.readUInt16LE(layout.max);
  const shown = bytes.readInt16LE(layout.lastDisplayed);
  const step = BigInt(string);
  if (begin > last || last > limit || (last - begin) % step !== 0n || (limit - begin) % step !== 0n || (last - begin) / step > BigInt(most)) return undefined;
  if (begin === 0n ? limit !== 0n : !host.isUser(begin)) return undefined;
  if (shown < -1 || shown > most) return undefined;
  const [forward, back] = [word(0), word(pointerSize)];
  const application = host.string(bytes, layout.application);
  if (application === undefined || !host.linked(address, forward, back)) return undefined;
  const process = pointerSize === 8 ? processHandle(host, word(layout.process)) : undefined;
  return {
    address, application: application.text, handle: process?.handle, pid: process?.pid,
    inUse: (bytes.readUInt32LE(layout.flags) & ALLOCATED) !== 0, most,
    commands: containedCommands(host, begin, last, limit, string), link: address, forward,
  };
}

/** The records up to `last`, and behind it those that were given up and not written over. */
function containedCommands(host: HostMemory, begin: bigint, last: bigint, limit: bigint, string: number): Command[] {
  const commands: Command[] = [];
  const end = limit - begin > BigInt(MAX_HISTORY * string) ? begin + BigInt(MAX_HISTORY * string) : limit;
  for (let at = begin; at < end; at += BigInt(string)) {
    const bytes = host.take(at, string);
    const removed = at >= last;
    const text = bytes === undefined ? undefined : host.string(bytes, 0)?.text;
    if (!removed) commands.push({ address: at, text, removed });
    else if (isTyped(text)) commands.push({ address: at, text, removed });
  }
  return commands;
}

/** What a host knows of a program that uses the console. Corresponds to `ConsoleProcessHandle`. */
export function processHandle(host: HostMemory, address: bigint): { readonly pid: number; readonly handle: number } | undefined {
  if (address === 0n || (address & 7n) !== 0n) return undefined;
  const bytes = host.read(address, PROCESS_HANDLE.size);
  if (bytes === undefined) return undefined;
  const [pid, tid, handle] = [bytes.readUInt32LE(PROCESS_HANDLE.pid), bytes.readUInt32LE(PROCESS_HANDLE.tid), bytes.readUInt32LE(PROCESS_HANDLE.handle)];
  return pid === 0 || [pid, tid, handle].some((value) => value % 4 !== 0) ? undefined : { pid, handle };
}

/** Up to 8.1. */
function* classicIn(host: HostMemory, { start, bytes, own }: Piece, { history }: ClassicLayout): Generator<CommandHistory> {
  const end = Math.min(own, bytes.length - history.commands + 1);
  for (let at = 0; at < end; at += host.pointerSize) {
    const most = bytes.readInt16LE(at + history.max);
    if (most <= 0 || most > MAX_HISTORY) continue;
    const count = bytes.readInt16LE(at + history.count);
    if (count < 0 || count > most) continue;
    const found = classic(host, start + BigInt(at), bytes.subarray(at, at + history.commands), history);
    if (found !== undefined) yield found;
  }
}

function classic(host: HostMemory, address: bigint, bytes: Buffer, layout: ClassicLayout['history']): CommandHistory | undefined {
  const { pointerSize } = host;
  const word = (at: number): bigint => host.word(bytes, at);
  const short = (at: number): number => bytes.readInt16LE(at);
  const [most, count, first] = [short(layout.max), short(layout.count), short(layout.first)];
  for (const at of [layout.lastAdded, layout.lastDisplayed]) if (short(at) < -1 || short(at) >= most) return undefined;
  if (first < 0 || first >= most) return undefined;
  const popups = address + BigInt(layout.popups);
  if (!host.linked(popups, word(layout.popups), word(layout.popups + pointerSize))) return undefined;
  const link = address + BigInt(layout.links);
  const [forward, back] = [word(layout.links), word(layout.links + pointerSize)];
  if (!host.linked(link, forward, back)) return undefined;
  const application = host.isUser(word(layout.application)) ? host.textToNul(word(layout.application), APPLICATION_CHARACTERS) : '';
  if (application === '') return undefined;
  const handle = Number(word(layout.process) & 0xffff_ffffn);
  return {
    address, application,
    handle: handle === 0 || handle > 0xf_ffff || handle % 4 !== 0 ? undefined : handle, pid: undefined,
    inUse: (bytes.readUInt32LE(layout.flags) & ALLOCATED) !== 0, most,
    commands: classicCommands(host, address + BigInt(layout.commands), most, first, count), link, forward,
  };
}

/** The ring of pointers, from the oldest line on; slots that are not in use may still lead to lines that were given up. */
function classicCommands(host: HostMemory, slots: bigint, most: number, first: number, count: number): Command[] {
  const commands: Command[] = [];
  const table = host.take(slots, most * host.pointerSize);
  for (let i = 0; i < (table === undefined ? count : most); i += 1) {
    const slot = (first + i) % most;
    const pointer = table === undefined ? host.pointer(slots + BigInt(slot * host.pointerSize)) : host.word(table, slot * host.pointerSize);
    const removed = i >= count;
    const text = pointer === undefined ? undefined : classicCommand(host, pointer);
    if (!removed) commands.push({ address: pointer ?? slots, text, removed });
    else if (pointer !== undefined && isTyped(text)) commands.push({ address: pointer, text, removed });
  }
  return commands;
}

/** `_COMMAND`: its length in bytes, and the characters. */
function classicCommand(host: HostMemory, address: bigint): string | undefined {
  const length = host.take(address, 2)?.readUInt16LE(0);
  return length === undefined || length % 2 !== 0 ? undefined : host.text(address + 2n, length / 2);
}

/** What a record that was given up must be, to be shown: nobody says any more that it is one. */
function isTyped(text: string | undefined): boolean {
  return text !== undefined && /^[^\p{Control}\p{Surrogate}\p{Unassigned}]+$/u.test(text);
}

/** Goes round the list that a history is on: the members that are histories, and the nodes that are none, one of which is the list's head. */
export function historyList(
  host: HostMemory, one: CommandHistory, known: ReadonlyMap<bigint, CommandHistory>,
): { readonly histories: readonly CommandHistory[]; readonly heads: readonly bigint[] } {
  const heads: bigint[] = [];
  const members = walk([one.link], (link) => link, (link) => {
    const history = known.get(link);
    if (history === undefined) heads.push(link);
    const forward = history?.forward ?? host.pointer(link);
    return forward === undefined ? undefined : { value: history, next: forward === one.link ? [] : [forward] };
  }, { where: host.where, cap: MAX_HISTORIES, anomalies: host.process.anomalies });
  return { histories: [...members].filter((history) => history !== undefined), heads };
}
