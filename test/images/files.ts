import { createHash } from 'node:crypto';
import { fileContent, type FileContent } from '../../src/windows/file-content.js';
import { processFiles } from '../../src/windows/file-list.js';
import { prototypePages, section } from '../../src/windows/section.js';
import type { Windows } from '../../src/windows/windows.js';
import { compare, type Comparison } from './comparison.js';
import type { Truth } from './truth.js';

/** What the truth says of files in memory. Pages of 4 KiB by number. */
interface TruthFiles extends Truth {
  readonly cached_files: readonly {
    readonly file_object: bigint; readonly path: string; readonly size: number; readonly sha256: string;
    readonly missing_pages: readonly number[]; readonly deleted: boolean; readonly frames: readonly (number | undefined)[];
  }[];
  readonly mapped_files: readonly {
    readonly path: string; readonly file_object: bigint; readonly control_area: bigint; readonly image: boolean; readonly pages: number; readonly resident: number;
  }[];
}

const PAGE = 4096;

/** All fields of a thing in one line, so that a wrong one counts as missing and as extra. */
const line = (...fields: readonly unknown[]): string => fields.map((field) => (typeof field === 'bigint' ? field.toString(16) : String(field))).join(' ');

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function* missingPages(content: FileContent): Generator<number> {
  for (const { start, end, source } of content.ranges()) {
    if (source === 'missing') for (let page = Math.floor(start / PAGE); page * PAGE < end; page += 1) yield page;
  }
}

/** The files in the cache: size, digest where all is there, the pages that are not where some are missing; and each page that is, byte for byte. */
function compareCached({ kernel }: Windows, { cached_files: files }: TruthFiles): readonly Comparison[] {
  const [want, got, wantPages, gotPages]: [string[], string[], string[], string[]] = [[], [], [], []];
  for (const { file_object: address, path, size, sha256, missing_pages: missing, deleted, frames } of files) {
    want.push(line(address, path, size, deleted, missing.length === 0 ? sha256 : `without ${missing.join()}`));
    const content = fileContent(kernel, address);
    if (content === undefined) continue;
    const gaps = [...missingPages(content)];
    got.push(line(address, content.file.name, content.size, content.file.deletePending, gaps.length === 0 && content.complete ? content.sha256() : `without ${gaps.join()}`));
    const gone = new Set(gaps);
    frames.forEach((frame, page) => {
      const length = Math.min(PAGE, size - page * PAGE);
      if (frame !== undefined) wantPages.push(line(address, page, digest(kernel.physical.read(frame * PAGE, length) ?? new Uint8Array())));
      if (gone.has(page)) return;
      const bytes = new Uint8Array(length);
      content.fill(page * PAGE, bytes);
      gotPages.push(line(address, page, digest(bytes)));
    });
  }
  return [compare('cached files', want, got), compare('pages of cached files', wantPages, gotPages)];
}

/** The sections of mapped files, with the count of pages that their prototype PTEs find in memory. */
function compareMapped({ kernel }: Windows, { mapped_files: files }: TruthFiles): Comparison {
  return compare('sections of files',
    files.map(({ control_area: area, path, image, resident }) => line(area, path, image, resident)),
    files.map(({ control_area: area, file_object: address }) => {
      const found = section(kernel, area, 'section');
      let resident = 0;
      for (const { prototypes, pages } of found?.subsections ?? []) for (const { physical } of prototypePages(kernel, prototypes, pages)) resident += physical === undefined ? 0 : 1;
      return line(area, fileContent(kernel, address)?.file.name, found?.image, resident);
    }));
}

/** Which files with content each process has open and mapped. */
function compareListed(windows: Windows, truth: TruthFiles): readonly Comparison[] {
  const inMemory = truth.mapped_files.filter(({ resident }) => resident > 0);
  const objects = new Map(inMemory.map(({ file_object: address, path }) => [address, path]));
  const paths = new Map(inMemory.map(({ path, file_object: address }) => [path.toLowerCase(), address]));
  const byAddress = new Map(windows.processes().map((process) => [process.address, process]));
  const [want, got, wantMapped, gotMapped]: [string[], string[], string[], string[]] = [[], [], [], []];
  for (const expected of truth.processes) {
    if (expected.terminated === true || expected.exit_time !== undefined) continue;
    const open = new Set(expected.handles.filter(({ type, object }) => type === 'File' && objects.has(object)).map(({ object }) => object));
    want.push(...[...open].map((object) => line(expected.pid, object, objects.get(object))));
    const mapped = new Set(expected.vads.flatMap(({ file }) => paths.get(file?.toLowerCase() ?? '') ?? []));
    wantMapped.push(...[...mapped].map((object) => line(expected.pid, object, objects.get(object))));
    const process = byAddress.get(expected.eprocess);
    for (const { content, handle, vad } of process === undefined ? [] : processFiles(process)) {
      if (!content.recoverable) continue;
      const one = line(expected.pid, content.file.address, content.file.name);
      if (handle) got.push(one);
      if (vad) gotMapped.push(one);
    }
  }
  return [compare('files that are open', want, got), compare('files that are mapped', wantMapped, gotMapped)];
}

/** Files: what the cache holds of them, their sections, whose they are. */
export function compareFiles(windows: Windows, truth: Truth): readonly Comparison[] {
  const files = truth as TruthFiles;
  return [...compareCached(windows, files), compareMapped(windows, files), ...compareListed(windows, files)];
}
