import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FormatError } from '../src/bytes/errors.js';
import { isFileError, withFile } from '../src/profile/file-source.js';
import { pdbIdentity } from '../src/profile/pdb.js';
import { storePath, type WantedSymbols } from '../src/profile/symbol-folder.js';
import { symbolId } from '../src/profile/symbol-table.js';
import { symbolUrl } from './symbols-needed.js';

export interface DownloadOptions {
  readonly server: string;
  /** The symbol store that it goes into. */
  readonly folder: string;
  /** Told each contact, one line. */
  readonly log: (line: string) => void;
}

const MOST_BYTES = 512 << 20;
const MOST_REDIRECTS = 5;
const ATTEMPTS = 3;
/** A server that says nothing for so long is given up. */
const PATIENCE_MS = 30_000;

/** How one request ended. `again`: what came is kept, and the next one goes on there. */
type Outcome = 'complete' | 'again' | 'refused';

/**
 * Fetches a symbol file from a symbol server into a symbol store. What an earlier attempt left is gone on with; the file appears under its
 * name only when it is a PDB of this GUID and age.
 * @returns its path; undefined when it cannot be had, which was said in a line
 */
export async function downloadSymbols(wanted: WantedSymbols, { server, folder, log }: DownloadOptions): Promise<string | undefined> {
  const [store, url] = [storePath(wanted), symbolUrl(wanted, server)];
  if (store === undefined || url === undefined) {
    log(`the image's name for ${symbolId(wanted)} is none of a file: it is not asked for`);
    return undefined;
  }
  const path = join(folder, store);
  const partial = `${path}.part`;
  try {
    await mkdir(dirname(path), { recursive: true });
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const start = await sizeOf(partial);
      // An earlier run may have been stopped between the last byte and the new name.
      const outcome = start > 0 && complaint(partial, wanted) === undefined ? 'complete' : await request(url, partial, start, log);
      if (outcome === 'refused') return undefined;
      if (outcome === 'again') continue;
      const wrong = complaint(partial, wanted);
      if (wrong === undefined) {
        await rename(partial, path);
        return path;
      }
      log(`what ${url} gave is not used: ${wrong}`);
      await rm(partial, { force: true });
      // What an earlier attempt left may have been of something else.
      if (start === 0) return undefined;
    }
    log(`${url} is given up after ${ATTEMPTS} attempts; the next one goes on where it stopped`);
  } catch (error) {
    if (!isFileError(error)) throw error;
    log(`${wanted.pdbName} cannot be kept: ${error.message}`);
  }
  return undefined;
}

/** Why a file is not the wanted one; undefined when it is. */
function complaint(path: string, { guid, age }: WantedSymbols): string | undefined {
  try {
    const found = withFile(path, pdbIdentity);
    if (found.guid === guid && (found.age === age || found.fileAge === age)) return undefined;
    return `it is ${symbolId(found)}, not ${guid}-${age}`;
  } catch (error) {
    if (error instanceof FormatError) return error.message;
    throw error;
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isFileError(error) && error.code === 'ENOENT') return 0;
    throw error;
  }
}

async function request(url: string, partial: string, start: number, log: (line: string) => void): Promise<Outcome> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), PATIENCE_MS);
  const heard = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), PATIENCE_MS);
  };
  try {
    const response = await follow(url, start, silence.signal, log);
    if (response === undefined) return 'refused';
    if (response.status === 416 && start > 0) {
      await rm(partial, { force: true });
      return 'again';
    }
    if (response.status !== 200 && response.status !== 206) return 'refused';
    const goesOn = response.status === 206 && response.headers.get('content-range')?.startsWith(`bytes ${start}-`) === true;
    if (response.status === 206 && !goesOn) {
      await rm(partial, { force: true });
      return 'again';
    }
    return await receive(response, partial, goesOn ? start : 0, heard, log);
  } catch (error) {
    // What fetch throws is a TypeError whose cause is the network's, or the abort of our own.
    if (isFileError(error) || !(error instanceof TypeError || silence.signal.aborted)) throw error;
    const { cause } = error as Error;
    log(`${new URL(url).host}: ${silence.signal.aborted ? `nothing for ${PATIENCE_MS / 1000} s` : cause instanceof Error ? cause.message : String(error)}`);
    return 'again';
  } finally {
    clearTimeout(timer);
  }
}

/** Asks, and where the server sends us on, there. Each contact is a line. Undefined when it leads nowhere. */
async function follow(first: string, start: number, signal: AbortSignal, log: (line: string) => void): Promise<Response | undefined> {
  let url = first;
  for (let hops = 0; hops <= MOST_REDIRECTS; hops += 1) {
    const response = await fetch(url, {
      redirect: 'manual', signal,
      headers: { 'user-agent': 'memlens', 'accept-encoding': 'identity', ...(start > 0 ? { range: `bytes=${start}-` } : {}) },
    });
    log(`asked ${url.slice(0, 512)}${start > 0 ? ` from byte ${start} on` : ''}: ${response.status}`);
    const location = response.headers.get('location');
    if (response.status < 300 || response.status >= 400 || typeof location !== 'string') return response;
    await response.body?.cancel();
    const next = URL.canParse(location, url) ? new URL(location, url) : undefined;
    if (next === undefined || !(next.protocol === 'https:' || (next.protocol === 'http:' && url.startsWith('http:')))) return undefined;
    url = next.href;
  }
  log(`${new URL(first).host} sends us around`);
  return undefined;
}

async function receive(response: Response, partial: string, start: number, heard: () => void, log: (line: string) => void): Promise<Outcome> {
  const file = await open(partial, start > 0 ? 'a' : 'w');
  let size = start;
  try {
    for await (const chunk of response.body ?? []) {
      heard();
      size += (chunk as Uint8Array).length;
      if (size > MOST_BYTES) {
        log(`${response.url} is larger than ${MOST_BYTES} bytes: it is not fetched`);
        return 'refused';
      }
      await file.write(chunk as Uint8Array);
    }
    return 'complete';
  } finally {
    await file.close();
    if (size > MOST_BYTES) await rm(partial, { force: true });
  }
}
