import type { PagedMemory } from '../paging/address-space.js';
import { codeView, peHeader } from '../pe/header.js';
import type { Diagnosis, Findings, ObjectSource } from './diagnosis.js';
import type { Kernel } from './kernel.js';
import { kernelModules } from './module.js';

/** Pages that the share of zero pages is estimated by: 4 MiB of reads at most, of any image. */
const SAMPLES = 1024;
const PAGE = 4096;
const MAX_SYMBOL_FILES = 1024;

/** What each kind of object is read by: without a structure there is none of it, without a symbol less. */
const KINDS: readonly { readonly kind: string; readonly structs: readonly string[]; readonly symbols: readonly string[] }[] = [
  { kind: 'processes', structs: ['_EPROCESS'], symbols: ['PsActiveProcessHead', 'PspCidTable'] },
  { kind: 'threads', structs: ['_ETHREAD'], symbols: [] },
  { kind: 'modules', structs: ['_PEB', '_LDR_DATA_TABLE_ENTRY'], symbols: [] },
  { kind: 'vads', structs: ['_MMVAD_SHORT', '_MMVAD'], symbols: [] },
  { kind: 'handles', structs: ['_HANDLE_TABLE', '_HANDLE_TABLE_ENTRY'], symbols: [] },
  { kind: 'objects', structs: ['_OBJECT_HEADER', '_OBJECT_TYPE'], symbols: ['ObTypeIndexTable', 'ObHeaderCookie', 'ObpRootDirectoryObject'] },
  { kind: 'tokens', structs: ['_TOKEN'], symbols: [] },
  { kind: 'drivers', structs: ['_DRIVER_OBJECT'], symbols: ['PsLoadedModuleList', 'ObpRootDirectoryObject'] },
  { kind: 'hives', structs: ['_CMHIVE', '_HHIVE'], symbols: ['CmpHiveListHead'] },
];

/** What is looked at only when the diagnosis is read. The same at each call for the same image. */
export function findings(diagnosis: Diagnosis, memory: PagedMemory, kernel: Kernel | undefined): Findings {
  return {
    pages: zeroPages(memory),
    symbolFiles: kernel === undefined ? [] : kernel.anomalies.attempt('diagnosis', () => symbolFiles(kernel)) ?? [],
    sources: kernel === undefined ? [] : KINDS.map((row) => objectSource(kernel, diagnosis, row)),
  };
}

/** Pages spread evenly over what the image holds. */
function zeroPages(memory: PagedMemory): Findings['pages'] {
  const runs = [...memory.runs(0, memory.size)];
  const pages = runs.reduce((sum, { length }) => sum + Math.floor(length / PAGE), 0);
  const sampled = Math.min(SAMPLES, pages);
  let zero = 0;
  let run = 0;
  let before = 0;
  for (let index = 0; index < sampled; index += 1) {
    const wanted = Math.floor((index * pages) / sampled);
    while (wanted - before >= Math.floor(runs[run]!.length / PAGE)) {
      before += Math.floor(runs[run]!.length / PAGE);
      run += 1;
    }
    const words = memory.page(runs[run]!.start / PAGE + wanted - before);
    if (words?.every((word) => word === 0) === true) zero += 1;
  }
  return { sampled, zero };
}

function symbolFiles(kernel: Kernel): Findings['symbolFiles'] {
  const found: Findings['symbolFiles'][number][] = [];
  for (const { name, base } of kernelModules(kernel)) {
    const header = peHeader(kernel.memory, base);
    const view = header === undefined ? undefined : codeView(kernel.memory, base, header);
    if (view !== undefined) found.push({ module: name, file: view.path, id: `${view.guid}-${view.age}` });
    if (found.length >= MAX_SYMBOL_FILES) break;
  }
  return found;
}

function objectSource({ profile }: Kernel, { derived }: Diagnosis, { kind, structs, symbols }: (typeof KINDS)[number]): ObjectSource {
  const has = (name: string): boolean => profile.sizeOf(name) !== undefined;
  const isDerived = (name: string): boolean => derived.some(({ what }) => what === name || what.startsWith(`${name}.`));
  // A structure that is derived has the fields that were found, and others as its base has them.
  const sources = new Set([...structs.filter(has), ...symbols.filter((name) => profile.symbol(name) !== undefined)]
    .map((name) => (isDerived(name) ? 'derived' : profile.source)));
  const missing = [...structs.filter((name) => !has(name)), ...symbols.filter((name) => profile.symbol(name) === undefined)];
  return { kind, source: structs.some(has) ? [...sources].sort().join(' and ') : 'missing', missing };
}
