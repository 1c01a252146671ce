/**
 * Layouts of what console hosts keep. They are in no public symbol table; the offsets are public knowledge from memory forensics (Volatility 2
 * for XP to 7, Volatility 3 for Windows 10 1809 to 11 22H2, MemProcFS for rows of all builds) and from the declarations of the open console
 * (Microsoft's Terminal, which conhost.exe is made from). All in bytes. Nothing is read by them that does not hold together by its own links.
 */

/** A row that holds up to the next row's build. */
interface ByBuild {
  readonly build: number;
  readonly pointerSize: 4 | 8;
}

/** The row of a build: the last one of its width that begins at or before it. */
export function layoutOf<L extends ByBuild>(layouts: readonly L[], build: number, pointerSize: 4 | 8): L | undefined {
  return layouts.filter((row) => row.pointerSize === pointerSize && row.build <= build).at(-1);
}

/** XP to 8.1: winsrv.dll in csrss.exe, and from 7 on conhost.exe. */
export interface ClassicLayout extends ByBuild {
  /** `_COMMAND_HISTORY`. */
  readonly history: {
    readonly links: number; readonly flags: number; readonly application: number; readonly count: number; readonly lastAdded: number;
    readonly lastDisplayed: number; readonly first: number; readonly max: number; readonly process: number; readonly popups: number;
    /** Pointers to `_COMMAND`: a length in bytes (16 bits) and the characters. */
    readonly commands: number;
  };
  /** `_CONSOLE_INFORMATION`. */
  readonly information: {
    readonly processes: number; readonly currentScreen: number; readonly screens: number; readonly histories: number; readonly aliases: number;
    readonly historyCount: number; readonly historyMax: number; readonly historySize: number; readonly originalTitle: number; readonly title: number;
  };
  /** `_CONSOLE_PROCESS.ProcessHandle`, behind its links. */
  readonly processHandle: number;
  /** `_SCREEN_INFORMATION`, and its array of `_ROW`. */
  readonly screen: { readonly width: number; readonly height: number; readonly rows: number; readonly next: number };
  readonly row: { readonly size: number; readonly text: number };
  /** `_EXE_ALIAS_LIST` (length in characters) and `_ALIAS` (lengths in bytes). */
  readonly exe: { readonly length: number; readonly name: number; readonly aliases: number };
  readonly alias: { readonly sourceLength: number; readonly targetLength: number; readonly source: number; readonly target: number };
}

const ALIASES_64 = {
  exe: { length: 0x10, name: 0x18, aliases: 0x20 }, alias: { sourceLength: 0x10, targetLength: 0x12, source: 0x18, target: 0x20 },
} as const;
const ALIASES_32 = {
  exe: { length: 0x8, name: 0xc, aliases: 0x10 }, alias: { sourceLength: 0x8, targetLength: 0xa, source: 0xc, target: 0x10 },
} as const;

const XP_64: ClassicLayout = {
  build: 0, pointerSize: 8,
  history: { flags: 0x0, links: 0x8, application: 0x18, count: 0x20, lastAdded: 0x22, lastDisplayed: 0x24, first: 0x26, max: 0x28, process: 0x30, popups: 0x38, commands: 0x48 },
  information: {
    currentScreen: 0xe8, screens: 0xf0, processes: 0x178, histories: 0x188, aliases: 0x198,
    historyCount: 0x1a8, historyMax: 0x1aa, historySize: 0x1ac, originalTitle: 0x1b0, title: 0x1b8,
  },
  processHandle: 0x10, screen: { width: 0x28, height: 0x2a, rows: 0x68, next: 0x128 }, row: { size: 0x28, text: 0x8 }, ...ALIASES_64,
};
const WINDOWS_7_64: ClassicLayout = {
  ...XP_64, build: 7600,
  history: { ...XP_64.history, links: 0x0, flags: 0x10 },
  information: {
    processes: 0x28, currentScreen: 0xe0, screens: 0xe8, histories: 0x148, aliases: 0x158,
    historyCount: 0x168, historyMax: 0x16a, historySize: 0x16c, originalTitle: 0x170, title: 0x178,
  },
  screen: { width: 0x8, height: 0xa, rows: 0x48, next: 0x128 },
};
const XP_32: ClassicLayout = {
  build: 0, pointerSize: 4,
  history: { flags: 0x0, links: 0x4, application: 0xc, count: 0x10, lastAdded: 0x12, lastDisplayed: 0x14, first: 0x16, max: 0x18, process: 0x1c, popups: 0x20, commands: 0x28 },
  information: {
    currentScreen: 0xb0, screens: 0xb4, processes: 0x100, histories: 0x108, aliases: 0x110,
    historyCount: 0x118, historyMax: 0x11a, historySize: 0x11c, originalTitle: 0x124, title: 0x128,
  },
  processHandle: 0x8, screen: { width: 0x24, height: 0x26, rows: 0x58, next: 0xf8 }, row: { size: 0x1c, text: 0x8 }, ...ALIASES_32,
};
const WINDOWS_7_32: ClassicLayout = {
  ...XP_32, build: 7600,
  history: { ...XP_32.history, links: 0x0, flags: 0x8 },
  information: {
    processes: 0x18, currentScreen: 0x98, screens: 0x9c, histories: 0xd4, aliases: 0xdc,
    historyCount: 0xe4, historyMax: 0xe6, historySize: 0xe8, originalTitle: 0xec, title: 0xf0,
  },
  screen: { width: 0x8, height: 0xa, rows: 0x3c, next: 0xdc },
};

/** Published for XP to 7; 8 and 8.1 are read by those of 7. Of Windows 10 before 1809 nothing but rows is published. */
export const CLASSIC_LAYOUTS: readonly ClassicLayout[] = [XP_64, WINDOWS_7_64, XP_32, WINDOWS_7_32];

/** 7: each console has a conhost.exe; before, csrss.exe holds those of its session. */
export const CONHOST_BUILD = 7600;
/** 1809: histories and lists are containers of the C++ library from here on. */
export const CONTAINERS_BUILD = 17_763;

/** `CommandHistory`, an element of a `std::list`, from the node's start. */
export interface HistoryLayout {
  readonly pointerSize: 4 | 8;
  /** `std::vector<std::wstring>`: begin, end, end of what is allocated. */
  readonly commands: number;
  readonly max: number;
  readonly application: number;
  /** Pointer to the `ConsoleProcessHandle`. */
  readonly process: number;
  readonly flags: number;
  readonly lastDisplayed: number;
  /** Bytes of a `std::wstring`. */
  readonly string: number;
  /** All of them. */
  readonly size: number;
}

/** 64-bit as published; 32-bit by the same declaration, as the compiler lays it out there. */
export const HISTORY_LAYOUTS: Readonly<Record<4 | 8, HistoryLayout>> = {
  8: { pointerSize: 8, commands: 0x10, max: 0x28, application: 0x30, process: 0x50, flags: 0x58, lastDisplayed: 0x5c, string: 0x20, size: 0x60 },
  4: { pointerSize: 4, commands: 0x8, max: 0x14, application: 0x18, process: 0x30, flags: 0x34, lastDisplayed: 0x38, string: 0x18, size: 0x3c },
};

/** `ConsoleProcessHandle`; of 64-bit hosts. */
export const PROCESS_HANDLE = { pid: 0x1c, tid: 0x20, handle: 0x30, size: 0x38 } as const;

/** The console's own data in conhost.exe, from where ScreenX of the older layouts would count. 64-bit alone is published. */
export interface InformationLayout {
  readonly build: number;
  /** Which update it is of, where a build has several. */
  readonly name: string;
  /** `std::list`: pointer to its sentinel, and the count. */
  readonly histories: number;
  readonly historySize: number;
  readonly historyMax: number;
  readonly processes: number;
  readonly currentScreen: number;
  readonly title: number;
  readonly originalTitle: number;
  /** `std::unordered_map`'s list of the programs that have aliases; undefined where it is not known. */
  readonly aliases: number | undefined;
  /** Where in the screen the pointer to its text buffer may be. */
  readonly textBuffer: readonly number[];
}

const OLDER = { historySize: 0x90, historyMax: 0x94, textBuffer: [0x38] } as const;
const NEWER = { historySize: 0x88, historyMax: 0x8c, processes: 0x4f8, currentScreen: 0x510, title: 0x610, originalTitle: 0x650, textBuffer: [0x38] } as const;
const SINCE_22621 = {
  historySize: 0x9d0, historyMax: 0x9d4, processes: 0xa30, currentScreen: 0xa48, title: 0xb60, originalTitle: 0xb80, textBuffer: [0x38],
} as const;

/** In 18362 to 22621 the aliases lie 0x58 before the histories; 19041's published offset is none that a pointer can have, and this one stands in for it. */
export const INFORMATION_LAYOUTS: readonly InformationLayout[] = [
  { ...OLDER, build: 17_763, name: '17763', histories: -0x2f8, processes: 0x550, currentScreen: 0x568, title: 0x688, originalTitle: 0x6c8, aliases: undefined, textBuffer: [0x38, 0x20] },
  { ...OLDER, build: 18_362, name: '18362', histories: -0x300, processes: 0x558, currentScreen: 0x570, title: 0x690, originalTitle: 0x6d0, aliases: -0x358 },
  { ...OLDER, build: 19_041, name: '19041', histories: -0x160, processes: 0x558, currentScreen: 0x570, title: 0x698, originalTitle: 0x6d8, aliases: -0x1b8 },
  { ...NEWER, build: 20_348, name: '20348', histories: -0x120, aliases: -0x178 },
  { ...NEWER, build: 20_348, name: '20348.1970', histories: 0x2468, aliases: undefined },
  { ...NEWER, build: 20_348, name: '20348.2461', histories: 0x23d8, aliases: 0x2410 },
  { ...NEWER, build: 22_000, name: '22000', histories: -0x398, title: 0x650, originalTitle: 0x670, aliases: -0x3f0 },
  { ...SINCE_22621, build: 22_621, name: '22621', histories: 0x29a8, aliases: 0x2950 },
  { ...SINCE_22621, build: 22_621, name: '22621.3527', histories: 0x2990, aliases: 0x2938 },
  {
    build: 25_398, name: '25398', histories: -0x168, historySize: 0xa90, historyMax: 0xa94, processes: 0xaf0, currentScreen: 0xb08, originalTitle: 0xbf0, title: 0xc30,
    aliases: 0xec0, textBuffer: [0x38],
  },
];

/** Windows 10 before 1809: an array of rows, each with its number. */
export interface NumberedRowLayout extends ByBuild {
  readonly size: number;
  /** Count of characters (16 bits), pointer to them. */
  readonly count: number;
  readonly text: number;
  /** Another pointer that every row has. */
  readonly pointer: number;
  readonly index: number;
}

export const NUMBERED_ROWS: readonly NumberedRowLayout[] = [
  { build: 10_240, pointerSize: 8, size: 0x38, count: 0, text: 0x8, pointer: 0x28, index: 0x30 },
  { build: 17_134, pointerSize: 8, size: 0x40, count: 0, text: 0x8, pointer: 0x28, index: 0x38 },
  { build: 10_240, pointerSize: 4, size: 0x24, count: 0, text: 0x8, pointer: 0x1c, index: 0x20 },
  { build: 14_393, pointerSize: 4, size: 0x20, count: 0, text: 0x4, pointer: 0x18, index: 0x1c },
  { build: 15_063, pointerSize: 4, size: 0x1c, count: 0, text: 0x4, pointer: 0x14, index: 0x18 },
  { build: 17_134, pointerSize: 4, size: 0x20, count: 0, text: 0x4, pointer: 0x14, index: 0x1c },
];

/** 1809 to 11 23H2: a row names itself and its text buffer; a cell is a character and a byte that says which half of a wide one it is. */
export interface SelfRowLayout extends ByBuild {
  readonly name: string;
  readonly size: number;
  readonly text: number;
  readonly count: number;
  readonly self: number;
  readonly wrapped: number;
  readonly index: number;
  readonly parent: number;
  /** The rows are one array. */
  readonly contiguous: boolean;
}

const ROW_22000: SelfRowLayout = { build: 22_000, pointerSize: 8, name: '22000', size: 0x1e0, text: 0, count: 0x8, self: 0x188, wrapped: 0x1d0, index: 0x1cc, parent: 0x1d8, contiguous: true };

export const SELF_ROWS: readonly SelfRowLayout[] = [
  { build: 17_763, pointerSize: 8, name: '17763', size: 0x60, text: 0x8, count: 0x40, self: 0x20, wrapped: 0, index: 0x48, parent: 0x58, contiguous: false },
  { build: 17_763, pointerSize: 4, name: '17763', size: 0x30, text: 0x4, count: 0x20, self: 0x10, wrapped: 0, index: 0x24, parent: 0x2c, contiguous: false },
  ROW_22000,
  { ...ROW_22000, build: 22_621, name: '22621.3527', size: 0x1d8, wrapped: 0x1c8, index: 0x1c4, parent: 0x1d0 },
  { ...ROW_22000, build: 25_398, name: '25398', size: 0x1d0, wrapped: 0x1c0, index: 0x1bc, parent: 0x1c8 },
];

/** Text buffers, which the rows name: their pointer to themselves, and the number of the row that is the first on the screen (16 bits). 64-bit alone is published. */
export const TEXT_BUFFERS: readonly { readonly build: number; readonly self: number; readonly first: number }[] = [
  { build: 17_763, self: 0x30, first: 0x70 },
  { build: 18_362, self: 0x30, first: 0x58 },
  { build: 20_348, self: 0x30, first: 0x60 },
  { build: 22_000, self: 0x20, first: 0x50 },
  { build: 22_621, self: 0x20, first: 0x48 },
  { build: 25_398, self: 0x28, first: 0x58 },
];

/**
 * Since 24H2: rows with characters of any width. The characters of the row as it was made and one that grew, the span in use (pointer, count), and for
 * each column and the end where its character begins (pointer, count; 15 bits each).
 */
export const SPAN_ROW = { build: 26_100, made: 0x0, grown: 0x8, text: 0x10, count: 0x18, columns: 0x20, columnCount: 0x28, wrapped: 0x6a, size: 0x78 } as const;
