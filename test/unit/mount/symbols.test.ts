import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { UserError } from '../../../mount/exit-codes.js';
import { fetchNeeded } from '../../../mount/symbols-fetch.js';
import { neededSymbols } from '../../../mount/symbols-needed.js';
import { MICROSOFT_SERVER, symbolSettings, type SymbolSettings } from '../../../mount/symbols.js';
import { symbolsDirectory } from '../../../mount/tree/symbols.js';
import { knownKernels } from '../../../src/profile/bundled.js';
import type { OpenedWindows } from '../../../src/windows/open.js';
import { kernelPdb, pdbBytes } from '../../support/pdb-bytes.js';

const root = mkdtempSync(join(tmpdir(), 'memlens-needed-'));
after(() => rmSync(root, { recursive: true, force: true }));
const GUID = '33221100554477668899AABBCCDDEEFF';

/** An image whose kernel names these symbols, and of which nothing more is known. */
function opened(symbolFile: string | undefined, path = 'ntkrnlmp.pdb'): OpenedWindows {
  return { diagnosis: { kernel: symbolFile === undefined ? undefined : { symbolFile, path } }, windows: undefined } as unknown as OpenedWindows;
}

function settings(server?: string): SymbolSettings {
  const folder = mkdtempSync(join(root, 'f-'));
  return { folders: [folder], cache: join(folder, 'cache'), server };
}

test('--symbols takes folders and `download`, --symbols-server an address', () => {
  const { folders, server, cache } = symbolSettings([root, 'download', root], undefined, root);
  assert.deepEqual([folders, server, cache], [[root, root], MICROSOFT_SERVER, join(root, 'symbols')]);
  assert.equal(symbolSettings([root], undefined, root).server, undefined, 'no network unless it is asked for');
  assert.equal(symbolSettings([], 'https://symbols.example/store', root).server, 'https://symbols.example/store');
  for (const bad of [() => symbolSettings([join(root, 'none')], undefined, root), () => symbolSettings([], 'symbols.example', root), () => symbolSettings([], 'file:///etc', root)]) {
    assert.throws(bad, UserError);
  }
});

test('a kernel whose symbols are missing is listed with name, GUID, age and where the server has it', () => {
  const [row] = neededSymbols(opened(`${GUID}-26`, 'C:\\build\\ntkrnlmp.pdb'), settings());
  assert.deepEqual(row && [row.module, row.wanted, row.state, row.path, row.url], [
    'the kernel', { pdbName: 'ntkrnlmp.pdb', guid: GUID, age: 26 }, 'missing', undefined, `${MICROSOFT_SERVER}/ntkrnlmp.pdb/${GUID}1A/ntkrnlmp.pdb`,
  ]);
  assert.match(row?.adds ?? '', /object types/);
});

test('a bundled kernel says so, one whose file is in a folder names it', () => {
  const id = knownKernels()[0]!.id;
  assert.equal(neededSymbols(opened(id), settings())[0]?.state, 'bundled');
  const there = settings();
  const path = join(there.folders[0]!, 'mine.pdb');
  writeFileSync(path, pdbBytes(kernelPdb()));
  const [row] = neededSymbols(opened(`${GUID}-1`), there);
  assert.deepEqual([row?.state, row?.path], ['file', path]);
});

test('an image without a kernel, or whose kernel names no symbols, asks for none', () => {
  assert.deepEqual(neededSymbols(opened(undefined), settings()), []);
  assert.deepEqual(neededSymbols(opened('nonsense'), settings()), []);
});

test('a name that is none of a file has no address', () => {
  const [row] = neededSymbols(opened(`${GUID}-1`, 'C:\\a b\u001b[31m.pdb'), settings());
  assert.equal(row?.url, undefined);
});

test('needed.txt is a table with its twins', () => {
  const directory = symbolsDirectory(opened(`${GUID}-1`), settings());
  const render = (name: string): string => {
    const file = directory.lookup(name);
    assert.ok(file?.kind === 'bytes', name);
    return Buffer.from(file.render()).toString('utf8');
  };
  assert.match(render('needed.txt'), new RegExp(`missing the kernel +ntkrnlmp.pdb +${GUID} +1 ${MICROSOFT_SERVER}/ntkrnlmp.pdb/${GUID}1/ntkrnlmp.pdb`));
  assert.match(render('needed.csv'), /^State,Module,Name,GUID,Age,URL,Adds,Path\r?\n/);
  assert.deepEqual(Object.keys(JSON.parse(render('needed.jsonl')) as object).slice(0, 5), ['state', 'module', 'name', 'guid', 'age']);
});

test('what is missing is fetched where that was asked for, and found from then on', async () => {
  const file = pdbBytes(kernelPdb());
  const server = createServer((_, response) => response.end(file));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const lines: string[] = [];
    const log = (line: string): void => void lines.push(line);
    const image = opened(`${GUID}-1`);
    assert.equal(await fetchNeeded(image, settings(), log), 0);
    assert.deepEqual(lines, [], 'without a server nobody is asked');
    const there = settings(address);
    assert.equal(await fetchNeeded(image, there, log), 1);
    assert.equal(neededSymbols(image, there)[0]?.state, 'file');
    assert.equal(await fetchNeeded(image, there, log), 0);
    assert.equal(lines.length, 1);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
