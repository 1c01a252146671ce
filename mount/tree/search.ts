import { hex } from '../../src/bytes/hex.js';
import { hexBytes, textQuery } from '../../src/search/query.js';
import { control } from '../../src/vfs/control.js';
import { directory } from '../../src/vfs/directory.js';
import type { ControlFile, Directory } from '../../src/vfs/node.js';
import { text } from '../../src/vfs/text.js';
import type { Process } from '../../src/windows/process.js';
import type { SearchScope } from '../memory-search-protocol.js';
import type { SearchKind } from '../memory-search-results.js';
import type { ScopeSearch } from '../search-service.js';
import { BIN_README, STRINGS_README, YARA_README } from './search-readme.js';
import { resultDirectory } from './search-results.js';
import { statusText } from './search-status.js';
import type { TreeServices } from './services.js';

/** What is searched, and from where to where at most. */
export interface SearchedScope {
  readonly scope: SearchScope;
  readonly min: bigint;
  readonly max: bigint;
}

const NOT_MOUNTED = 'Searches run in a mount.';
const MAX_ALIGN = 0x1000;

/** `search/` of a process: its user space; of System the kernel's too. */
export function searchDirectory(process: Process, services: TreeServices): Directory {
  const { lastAddress } = process.kernel.mode;
  return searchDirectories({
    scope: { kind: 'process', address: process.address }, min: 0n, max: process.pid === 4 ? lastAddress : lastOfUser(process),
  }, services, 'searches through its virtual memory: bytes, texts, YARA');
}

/** The last address below the hole of addresses that are not canonical, or below the kernel. */
function lastOfUser({ kernel: { mode } }: Process): bigint {
  return mode.virtualBits > 32 ? 2n ** BigInt(mode.virtualBits - 1) - 1n : mode.kernelStart - 1n;
}

/** `bin/`, `strings/` and `yara/` of a scope. */
export function searchDirectories(scope: SearchedScope, services: TreeServices, doc: string): Directory {
  return directory({
    bin: () => binDirectory(scope, services),
    strings: () => stringsDirectory(scope, services),
    yara: () => yaraDirectory(scope, services),
  }, { doc });
}

function binDirectory(scope: SearchedScope, services: TreeServices): Directory {
  const search = searchOf(scope, services, 'bin');
  const start = (written: string): void => {
    const bytes = hexBytes(written);
    const its = search();
    if (typeof bytes === 'string' || its === undefined) return;
    its.start(written.trim(), { kind: 'bytes', value: bytes.value, ignore: masked(bytes.ignore, its.settings.skip), align: its.settings.align }, scope);
  };
  const bytesProblem = (written: string): string | undefined => {
    const bytes = hexBytes(written);
    if (typeof bytes === 'string') return bytes;
    const skip = search()?.settings.skip ?? new Uint8Array(0);
    return masked(bytes.ignore, skip).every((bits) => bits === 0xff) ? 'No bit of it matters, by its ? and search-skip-bitmask.txt: everything would fit.' : undefined;
  };
  return resultDirectory({
    ...limits(scope, search),
    'align.txt': control(() => `${hex(search()?.settings.align ?? 1, 4)}\n`, (written) => set(search, (its) => { its.settings.align = Number(hexNumber(written)); }), {
      refuses: mounted(services, (written) => {
        const align = hexNumber(written);
        return align === undefined || align < 1n || align > MAX_ALIGN || (align & (align - 1n)) !== 0n ? `It is a power of two in hex, 1 to ${MAX_ALIGN.toString(16)}.` : undefined;
      }),
      doc: 'write: hits begin at multiples of this (hex); set it before the search',
    }),
    'ptr32.txt': pointer(scope, search, services, 4),
    'ptr64.txt': pointer(scope, search, services, 8),
    'readme.txt': text(() => BIN_README, { doc: 'how to search' }),
    'reset.txt': resetFile(search, services),
    'search-skip-bitmask.txt': control(() => line(Buffer.from(search()?.settings.skip ?? []).toString('hex')), (written) => set(search, (its) => {
      const bytes = written.trim() === '' ? undefined : hexBytes(written);
      its.settings.skip = bytes === undefined || typeof bytes === 'string' ? new Uint8Array(0) : bytes.value;
    }), {
      refuses: mounted(services, (written) => {
        const bytes = written.trim() === '' ? undefined : hexBytes(written);
        return typeof bytes === 'string' ? bytes : undefined;
      }),
      doc: 'write: bits of the bytes that do not matter (hex); set it before the search',
    }),
    'search.txt': control(() => line(search()?.query ?? ''), start, {
      refuses: mounted(services, bytesProblem), doc: 'write: bytes in hex to look for (`4d5a9000`, `4d 5a ?? 00`); the search begins at once',
    }),
    'status.txt': statusFile(scope, search, 'bin'),
  }, search, 'bin', scope.scope.kind === 'physical', 'searches for bytes');
}

function stringsDirectory(scope: SearchedScope, services: TreeServices): Directory {
  const search = searchOf(scope, services, 'strings');
  return resultDirectory({
    ...limits(scope, search),
    'query.txt': control(() => line(search()?.query ?? ''), (written) => {
      const query = textQuery(written);
      if (typeof query !== 'string') search()?.start(written.replace(/\r?\n$/, ''), query, scope);
    }, {
      refuses: mounted(services, (written) => {
        const query = textQuery(written);
        return typeof query === 'string' ? query : undefined;
      }),
      doc: 'write: a text, or `/a regular expression/i`; the search begins at once',
    }),
    'readme.txt': text(() => STRINGS_README, { doc: 'how to search' }),
    'reset.txt': resetFile(search, services),
    'status.txt': statusFile(scope, search, 'strings'),
  }, search, 'strings', scope.scope.kind === 'physical', 'searches for texts, ASCII and UTF-16 at once');
}

function yaraDirectory(scope: SearchedScope, services: TreeServices): Directory {
  const search = searchOf(scope, services, 'yara');
  return resultDirectory({
    ...limits(scope, search),
    'readme.txt': text(() => YARA_README, { doc: 'how to search' }),
    'reset.txt': resetFile(search, services),
    'status.txt': statusFile(scope, search, 'yara'),
    'yara-rules.txt': control(() => search()?.query ?? '', (rules) => search()?.start(rules, { kind: 'yara', rules }, scope), {
      appends: true,
      refuses: (rules) => {
        if (services.search === undefined) return NOT_MOUNTED;
        return rules.trim() === '' ? 'There are no rules.' : services.search.problemOf(rules);
      },
      doc: 'write: YARA rules; they are held against memory at once',
    }),
  }, search, 'yara', scope.scope.kind === 'physical', 'holds YARA rules against memory');
}

/** The search of a scope; undefined where nothing is mounted. */
export type SearchOf = () => ScopeSearch | undefined;

function searchOf({ scope }: SearchedScope, services: TreeServices, kind: SearchKind): SearchOf {
  return () => services.search?.searches(scope, kind);
}

function set(search: SearchOf, change: (its: ScopeSearch) => void): void {
  const its = search();
  if (its !== undefined) change(its);
}

function mounted(services: TreeServices, refuses: (written: string) => string | undefined): (written: string) => string | undefined {
  return (written) => (services.search === undefined ? NOT_MOUNTED : refuses(written));
}

/** `addr-max.txt` and `addr-min.txt`. */
function limits({ min, max }: SearchedScope, search: SearchOf): Readonly<Record<string, ControlFile>> {
  const file = (which: 'min' | 'max', whole: bigint, doc: string): ControlFile => control(
    () => `${hex(search()?.settings[which] ?? whole, 16)}\n`,
    (written) => set(search, (its) => { its.settings[which] = written.trim() === '' ? undefined : hexNumber(written); }),
    {
      refuses: (written) => {
        if (search() === undefined) return NOT_MOUNTED;
        return written.trim() === '' || hexNumber(written) !== undefined ? undefined : 'It is an address in hex, such as 0x7ff600000000.';
      },
      doc,
    },
  );
  return {
    'addr-max.txt': file('max', max, 'write: the last address to search (hex); set it before the search'),
    'addr-min.txt': file('min', min, 'write: the first address to search (hex); set it before the search'),
  };
}

/** A search for a pointer: its bytes in memory's order, at addresses that are multiples of its size. */
function pointer(scope: SearchedScope, search: SearchOf, services: TreeServices, size: 4 | 8): ControlFile {
  const most = 2n ** BigInt(8 * size) - 1n;
  let last = 0n;
  return control(() => `${hex(last, 2 * size)}\n`, (written) => {
    const value = hexNumber(written);
    const its = search();
    if (value === undefined || its === undefined) return;
    last = value;
    const bytes = new Uint8Array(size);
    for (let i = 0; i < size; i += 1) bytes[i] = Number((value >> BigInt(8 * i)) & 0xffn);
    its.start(Buffer.from(bytes).toString('hex'), { kind: 'bytes', value: bytes, ignore: new Uint8Array(size), align: size }, scope);
  }, {
    refuses: mounted(services, (written) => {
      const value = hexNumber(written);
      return value === undefined || value === 0n || value > most ? `It is a pointer of ${8 * size} bits in hex.` : undefined;
    }),
    doc: `write: a pointer of ${8 * size} bits (hex); it is looked for at multiples of ${size}`,
  });
}

function resetFile(search: SearchOf, services: TreeServices): ControlFile {
  return control(() => '0\n', (written) => {
    if (written.trim() === '1') search()?.reset();
  }, {
    refuses: mounted(services, (written) => (/^\s*[01]?\s*$/.test(written) ? undefined : 'Write 1 to end the search and forget what was found.')),
    doc: 'write 1: ends the search, forgets what was found and what was set',
  });
}

function statusFile(scope: SearchedScope, search: SearchOf, kind: SearchKind) {
  return text(() => statusText(search(), scope, kind), { volatile: true, doc: 'how far the search is, how much it has found, and what went wrong' });
}

/** An address or number in hex; undefined: it is none. */
function hexNumber(written: string): bigint | undefined {
  const digits = written.trim().replaceAll('`', '').replace(/^0x/i, '');
  return /^[0-9a-f]{1,16}$/i.test(digits) ? BigInt(`0x${digits}`) : undefined;
}

function masked(ignore: Uint8Array, skip: Uint8Array): Uint8Array {
  return ignore.map((bits, i) => bits | (skip[i] ?? 0));
}

function line(written: string): string {
  return written === '' ? '' : `${written}\n`;
}
