import {
  HISTORY_LAYOUTS, INFORMATION_LAYOUTS, layoutOf, NUMBERED_ROWS, PROCESS_HANDLE, SELF_ROWS, SPAN_ROW, TEXT_BUFFERS, type ClassicLayout, type InformationLayout, type SelfRowLayout,
} from '../../src/windows/console-layouts.js';
import type { Machine } from './machine.js';
import type { Space } from './tables.js';
import type { VadSpec } from './vads.js';

export interface ConsoleSpec {
  readonly title?: string;
  readonly originalTitle?: string;
  /** Lines that a history keeps; 50 by default. */
  readonly historySize?: number;
  readonly processes?: readonly { readonly pid: number; readonly handle: number }[];
  readonly histories?: readonly HistorySpec[];
  readonly aliases?: readonly { readonly program: string; readonly source: string; readonly target: string }[];
  /** From the top of the screen; a line that ends in `\` goes on in the next row. */
  readonly rows?: readonly string[];
  readonly width?: number;
  /** Rows of the buffer; those that are not given are blank. */
  readonly height?: number;
  /** Where in memory the top row stands. */
  readonly first?: number;
}

export interface HistorySpec {
  readonly application: string;
  readonly commands: readonly string[];
  /** Of the commands the last so many are given up, their records left. */
  readonly removed?: number;
  /** Undefined: the program has ended. */
  readonly process?: { readonly pid: number; readonly handle: number };
  /** Where in the ring the oldest line stands, up to 8.1. */
  readonly first?: number;
}

/** Where the addresses of what was written are. */
export interface WrittenConsole {
  readonly information: bigint;
  readonly histories: readonly bigint[];
  /** Of the rows, from the top. */
  readonly rows: readonly bigint[];
  /** Of the text buffer, or of the screen before 1809. */
  readonly screen: bigint;
}

const PLACES = { 8: 0x1c5_9000_0000n, 4: 0x0200_0000n } as const;
const PAGES = 0x800;

/** The private memory that a synthetic host keeps its console in: a VAD of its process. */
export function consoleVad({ kernel }: Machine): VadSpec {
  return { start: PLACES[kernel.profile.pointerSize], pages: PAGES, commit: PAGES, protection: 4 };
}

/** Writes a console into the private memory of a process, structure by structure. */
export class ConsoleWriter {
  readonly space: Space;
  readonly pointerSize: 4 | 8;
  readonly build: number;
  #next: bigint;

  constructor(made: Machine, pid: number) {
    this.space = made.built(pid).space;
    this.pointerSize = made.kernel.profile.pointerSize;
    this.build = made.kernel.profile.build;
    this.#next = PLACES[this.pointerSize] + 0x40n;
  }

  /** Since 1809, in a 64-bit host. `data` is the zero of the console's own data in the module. */
  contained(spec: ConsoleSpec, layout: InformationLayout, data: bigint): WrittenConsole {
    const at = (offset: number): bigint => data + BigInt(offset);
    const histories = this.histories(spec, at(layout.histories));
    this.#short(at(layout.historySize), spec.historySize ?? 50);
    this.#short(at(layout.historyMax), 4);
    this.list(at(layout.processes), (spec.processes ?? []).map((process) => {
      const node = this.alloc(0x18);
      this.space.setPointer(node + 16n, this.processHandle(process));
      return node;
    }));
    this.string(at(layout.title), spec.title ?? 'Command Prompt');
    this.string(at(layout.originalTitle), spec.originalTitle ?? '%SystemRoot%\\system32\\cmd.exe');
    if (layout.aliases !== undefined) this.#containedAliases(at(layout.aliases), spec);
    const { rows, screen } = this.screen(spec);
    const record = this.alloc(0x48);
    this.space.setPointer(record + BigInt(layout.textBuffer[0]!), screen);
    this.space.setPointer(at(layout.currentScreen), record);
    return { information: data, histories, rows, screen };
  }

  /** The histories since 1809, on a list whose head lies at an address. */
  histories(spec: ConsoleSpec, head = this.alloc(0x10)): bigint[] {
    const layout = HISTORY_LAYOUTS[this.pointerSize];
    const nodes = (spec.histories ?? []).map(({ application, commands, removed = 0, process }) => {
      const node = this.alloc(layout.size);
      const begin = commands.length === 0 ? 0n : this.alloc(commands.length * layout.string);
      commands.forEach((command, i) => { this.string(begin + BigInt(i * layout.string), command); });
      const end = begin + BigInt(commands.length * layout.string);
      [begin, end - BigInt(removed * layout.string), end].forEach((word, i) => { this.space.setPointer(node + BigInt(layout.commands + i * this.pointerSize), word); });
      this.#short(node + BigInt(layout.max), spec.historySize ?? 50);
      this.string(node + BigInt(layout.application), application);
      this.space.setPointer(node + BigInt(layout.process), process === undefined ? 0n : this.processHandle(process));
      this.space.setU32(node + BigInt(layout.flags), process === undefined ? 0 : 1);
      this.#short(node + BigInt(layout.lastDisplayed), 0xffff);
      return node;
    });
    this.list(head, nodes);
    return nodes;
  }

  /** Up to 8.1: the console, its histories and its screen. */
  classic(spec: ConsoleSpec, layout: ClassicLayout): WrittenConsole {
    const { information, screen: fields, row } = layout;
    const console = this.alloc(0x400);
    const at = (offset: number): bigint => console + BigInt(offset);
    const histories = (spec.histories ?? []).map((history) => this.#classicHistory(history, layout, spec.historySize ?? 50));
    this.ring(at(information.histories), histories.map((address) => address + BigInt(layout.history.links)));
    this.ring(at(information.processes), (spec.processes ?? []).map(({ handle }) => {
      const node = this.alloc(0x20);
      this.space.setU32(node + BigInt(layout.processHandle), handle);
      return node;
    }));
    this.ring(at(information.aliases), this.#classicAliases(spec, layout));
    this.#short(at(information.historyCount), histories.length);
    this.#short(at(information.historyMax), Math.max(4, histories.length));
    this.#short(at(information.historySize), spec.historySize ?? 50);
    this.space.setPointer(at(information.title), this.text(`${spec.title ?? 'Command Prompt'}\0`));
    this.space.setPointer(at(information.originalTitle), this.text(`${spec.originalTitle ?? 'cmd.exe'}\0`));
    const { width = 80, height = 25 } = spec;
    const screen = this.alloc(0x200);
    const array = this.alloc(height * row.size);
    const rows = Array.from({ length: height }, (_, i) => array + BigInt(i * row.size));
    rows.forEach((address, i) => { this.space.setPointer(address + BigInt(row.text), this.text((spec.rows?.[i] ?? '').padEnd(width))); });
    this.#short(screen + BigInt(fields.width), width);
    this.#short(screen + BigInt(fields.height), height);
    this.space.setPointer(screen + BigInt(fields.rows), array);
    this.space.setPointer(at(information.currentScreen), screen);
    this.space.setPointer(at(information.screens), screen);
    return { information: console, histories, rows, screen };
  }

  /** The screen alone, since Windows 10. */
  screen(spec: ConsoleSpec, layout = layoutOf(SELF_ROWS, this.build, this.pointerSize)): Pick<WrittenConsole, 'rows' | 'screen'> {
    if (this.build >= SPAN_ROW.build) return this.#spanScreen(spec);
    return layout === undefined ? this.#numberedScreen(spec) : this.#selfScreen(spec, layout);
  }

  #selfScreen({ rows = [], width = 80, height = 25, first = 0 }: ConsoleSpec, layout: SelfRowLayout): Pick<WrittenConsole, 'rows' | 'screen'> {
    const buffer = this.alloc(0x100);
    const text = TEXT_BUFFERS.filter(({ build }) => build <= this.build).at(-1);
    if (text !== undefined && this.pointerSize === 8) {
      this.space.setPointer(buffer + BigInt(text.self), buffer);
      this.#short(buffer + BigInt(text.first), first);
    }
    const array = this.alloc(height * layout.size);
    const written = Array.from({ length: height }, (_, i) => {
      const index = (first + i) % height;
      // Rows of a deque lie anywhere; those of an array in order.
      const row = layout.contiguous ? array + BigInt(index * layout.size) : this.alloc(layout.size);
      const line = rows[i] ?? '';
      const wrapped = line.endsWith('\\');
      const cells = Buffer.alloc(width * 3);
      const shown = (wrapped ? line.slice(0, -1) : line).padEnd(width);
      for (let column = 0; column < width; column += 1) cells.writeUInt16LE(shown.charCodeAt(column), column * 3);
      const characters = this.alloc(cells.length);
      this.space.write(characters, cells);
      this.space.setPointer(row + BigInt(layout.text), characters);
      this.#short(row + BigInt(layout.count), width);
      this.space.setPointer(row + BigInt(layout.self), row);
      this.space.write(row + BigInt(layout.wrapped), Buffer.from([wrapped ? 1 : 0]));
      this.#short(row + BigInt(layout.index), index);
      this.space.setPointer(row + BigInt(layout.parent), buffer);
      return row;
    });
    return { rows: written, screen: buffer };
  }

  #numberedScreen({ rows = [], width = 80, height = 25 }: ConsoleSpec): Pick<WrittenConsole, 'rows' | 'screen'> {
    const layout = layoutOf(NUMBERED_ROWS, this.build, this.pointerSize);
    if (layout === undefined) throw new Error(`rows of build ${this.build} have no numbers`);
    const array = this.alloc(height * layout.size);
    const attributes = this.alloc(0x20);
    const written = Array.from({ length: height }, (_, i) => {
      const row = array + BigInt(i * layout.size);
      const line = rows[i] ?? '';
      this.#short(row + BigInt(layout.count), line.length);
      this.space.setPointer(row + BigInt(layout.text), this.text(line.padEnd(width)));
      this.space.setPointer(row + BigInt(layout.pointer), attributes);
      this.space.setU32(row + BigInt(layout.index), i);
      return row;
    });
    return { rows: written, screen: array };
  }

  #spanScreen({ rows = [], width = 80, height = 25 }: ConsoleSpec): Pick<WrittenConsole, 'rows' | 'screen'> {
    // Behind each record its characters and its table of columns.
    const step = (SPAN_ROW.size + 0x18 + width * 2 + (width + 1) * 2 + 15) & ~15;
    const array = this.alloc(height * step);
    const written = Array.from({ length: height }, (_, i) => {
      const row = array + BigInt(i * step);
      const [characters, table] = [row + BigInt(SPAN_ROW.size + 0x18), row + BigInt(SPAN_ROW.size + 0x18 + width * 2)];
      const line = rows[i] ?? '';
      const wrapped = line.endsWith('\\');
      this.space.write(characters, Buffer.from((wrapped ? line.slice(0, -1) : line).padEnd(width), 'utf16le'));
      for (let column = 0; column <= width; column += 1) this.#short(table + BigInt(column * 2), column);
      this.space.setPointer(row + BigInt(SPAN_ROW.made), characters);
      this.space.setPointer(row + BigInt(SPAN_ROW.text), characters);
      this.space.setU64(row + BigInt(SPAN_ROW.count), BigInt(width));
      this.space.setPointer(row + BigInt(SPAN_ROW.columns), table);
      this.space.setU64(row + BigInt(SPAN_ROW.columnCount), BigInt(width + 1));
      this.#short(row + BigInt(SPAN_ROW.wrapped), wrapped ? 1 : 0);
      return row;
    });
    return { rows: written, screen: array };
  }

  #classicHistory({ application, commands, removed = 0, process, first = 0 }: HistorySpec, { history: fields }: ClassicLayout, most: number): bigint {
    const history = this.alloc(fields.commands + most * this.pointerSize);
    const at = (offset: number): bigint => history + BigInt(offset);
    const kept = commands.length - removed;
    this.space.setU32(at(fields.flags), process === undefined ? 0 : 1);
    this.space.setPointer(at(fields.application), this.text(`${application}\0`));
    this.#short(at(fields.count), kept);
    this.#short(at(fields.lastAdded), (first + kept - 1 + most) % most);
    this.#short(at(fields.lastDisplayed), 0xffff);
    this.#short(at(fields.first), first);
    this.#short(at(fields.max), most);
    this.space.setPointer(at(fields.process), BigInt(process?.handle ?? 0));
    this.ring(at(fields.popups), []);
    commands.forEach((command, i) => {
      const record = this.alloc(2 + command.length * 2);
      this.#short(record, command.length * 2);
      this.space.write(record + 2n, Buffer.from(command, 'utf16le'));
      this.space.setPointer(at(fields.commands + ((first + i) % most) * this.pointerSize), record);
    });
    return history;
  }

  #classicAliases({ aliases = [] }: ConsoleSpec, { exe, alias }: ClassicLayout): bigint[] {
    return [...new Set(aliases.map(({ program }) => program))].map((program) => {
      const node = this.alloc(0x40);
      this.#short(node + BigInt(exe.length), program.length);
      this.space.setPointer(node + BigInt(exe.name), this.text(program));
      this.ring(node + BigInt(exe.aliases), aliases.filter((one) => one.program === program).map(({ source, target }) => {
        const entry = this.alloc(0x40);
        this.#short(entry + BigInt(alias.sourceLength), source.length * 2);
        this.#short(entry + BigInt(alias.targetLength), target.length * 2);
        this.space.setPointer(entry + BigInt(alias.source), this.text(source));
        this.space.setPointer(entry + BigInt(alias.target), this.text(target));
        return entry;
      }));
      return node;
    });
  }

  #containedAliases(head: bigint, { aliases = [] }: ConsoleSpec): void {
    this.list(head, [...new Set(aliases.map(({ program }) => program))].map((program) => {
      const node = this.alloc(0x70);
      this.string(node + 0x10n, program);
      this.list(node + 0x38n, aliases.filter((one) => one.program === program).map(({ source, target }) => {
        const entry = this.alloc(0x50);
        this.string(entry + 0x10n, source);
        this.string(entry + 0x30n, target);
        return entry;
      }));
      return node;
    }));
  }

  /** A `ConsoleProcessHandle`. */
  processHandle({ pid, handle }: { readonly pid: number; readonly handle: number }): bigint {
    const record = this.alloc(0x40);
    this.space.setU32(record + BigInt(PROCESS_HANDLE.pid), pid);
    this.space.setU32(record + BigInt(PROCESS_HANDLE.tid), pid + 4);
    this.space.setU32(record + BigInt(PROCESS_HANDLE.handle), handle);
    return record;
  }

  /** A `std::list` with these nodes: its head, of a pointer to the sentinel and the count, lies at `head`. */
  list(head: bigint, nodes: readonly bigint[]): void {
    const sentinel = this.alloc(0x20);
    this.space.setPointer(head, sentinel);
    this.space.setPointer(head + BigInt(this.pointerSize), BigInt(nodes.length));
    this.ring(sentinel, nodes);
  }

  /** A `_LIST_ENTRY` list with this head. */
  ring(head: bigint, nodes: readonly bigint[]): void {
    const all = [head, ...nodes];
    all.forEach((node, i) => {
      this.space.setPointer(node, all[(i + 1) % all.length]!);
      this.space.setPointer(node + BigInt(this.pointerSize), all[(i + all.length - 1) % all.length]!);
    });
  }

  /** A `std::wstring`. */
  string(address: bigint, text: string): void {
    if (text.length <= 7) this.space.write(address, Buffer.from(text.padEnd(8, '\0'), 'utf16le'));
    else this.space.setPointer(address, this.text(`${text}\0`));
    this.space.setPointer(address + 16n, BigInt(text.length));
    this.space.setPointer(address + 16n + BigInt(this.pointerSize), BigInt(Math.max(7, text.length)));
  }

  text(text: string): bigint {
    const at = this.alloc(text.length * 2);
    this.space.write(at, Buffer.from(text, 'utf16le'));
    return at;
  }

  alloc(size: number): bigint {
    const at = this.#next;
    this.#next += BigInt((size + 15) & ~15) + 16n;
    if (this.#next > PLACES[this.pointerSize] + BigInt(PAGES * 4096)) throw new Error('the synthetic console has no more memory');
    return at;
  }

  #short(address: bigint, value: number): void {
    const bytes = Buffer.alloc(2);
    bytes.writeUInt16LE(value & 0xffff);
    this.space.write(address, bytes);
  }
}

/** The published layout of a console's own data. */
export function informationLayout(name: string): InformationLayout {
  const found = INFORMATION_LAYOUTS.find((layout) => layout.name === name);
  if (found === undefined) throw new Error(`no layout ${name}`);
  return found;
}
