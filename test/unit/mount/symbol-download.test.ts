import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { downloadSymbols } from '../../../mount/symbol-download.js';
import type { WantedSymbols } from '../../../src/profile/symbol-folder.js';
import { kernelPdb, pdbBytes } from '../../support/pdb-bytes.js';

const root = mkdtempSync(join(tmpdir(), 'memlens-download-'));
after(() => rmSync(root, { recursive: true, force: true }));
const pdb = pdbBytes(kernelPdb());
const WANTED: WantedSymbols = { pdbName: 'ntkrnlmp.pdb', guid: '33221100554477668899AABBCCDDEEFF', age: 1 };
const STORE = `ntkrnlmp.pdb/${WANTED.guid}1/ntkrnlmp.pdb`;

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

interface Attempt {
  readonly path: string | undefined;
  readonly folder: string;
  readonly lines: readonly string[];
  readonly asked: readonly string[];
}

/** Downloads from a server that answers so. @param left what an earlier attempt left */
async function attempt(answer: Answer, wanted: WantedSymbols = WANTED, left?: Buffer): Promise<Attempt> {
  const folder = mkdtempSync(join(root, 'store-'));
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers.range ?? ''}`.trim());
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  if (left !== undefined) {
    mkdirSync(dirname(join(folder, STORE)), { recursive: true });
    writeFileSync(`${join(folder, STORE)}.part`, left);
  }
  const lines: string[] = [];
  try {
    const path = await downloadSymbols(wanted, { server: `http://127.0.0.1:${port}/symbols`, folder, log: (line) => lines.push(line) });
    return { path, folder, lines, asked };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** Answers as a file server does, ranges included. */
const serve = (bytes: Buffer): Answer => (request, response) => {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  if (start >= bytes.length) {
    response.writeHead(416).end();
    return;
  }
  response.writeHead(start > 0 ? 206 : 200, start > 0 ? { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {});
  response.end(bytes.subarray(start));
};

test('a symbol file goes into the store under its GUID and age, with one line for the contact', async () => {
  const { path, folder, lines, asked } = await attempt(serve(pdb));
  assert.equal(path, join(folder, STORE));
  assert.ok(readFileSync(path).equals(pdb));
  assert.deepEqual(asked, [`/symbols/${STORE}`]);
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /^asked http:\/\/127\.0\.0\.1:\d+\/symbols\/ntkrnlmp.pdb\/.*: 200$/);
  assert.deepEqual(readdirSync(dirname(path)), ['ntkrnlmp.pdb'], 'no unfinished file is left');
});

test('what an earlier attempt left is gone on with', async () => {
  const { path, asked } = await attempt(serve(pdb), WANTED, pdb.subarray(0, 5000));
  assert.ok(path !== undefined && readFileSync(path).equals(pdb));
  assert.deepEqual(asked, [`/symbols/${STORE} bytes=5000-`]);
});

test('a file that was complete but not yet named is taken without asking', async () => {
  const { path, asked } = await attempt(serve(pdb), WANTED, pdb);
  assert.ok(path !== undefined);
  assert.deepEqual(asked, []);
});

test('a server that cannot go on is read from the start', async () => {
  const { path } = await attempt((_, response) => response.end(pdb), WANTED, pdb.subarray(0, 5000));
  assert.ok(path !== undefined && readFileSync(path).equals(pdb));
});

test('a rest that is of another file is thrown away and the file is read anew', async () => {
  const { path, asked } = await attempt(serve(pdb), WANTED, Buffer.alloc(5000, 1));
  assert.ok(path !== undefined && readFileSync(path).equals(pdb));
  assert.equal(asked.length, 2);
  const beyond = await attempt(serve(pdb), WANTED, Buffer.alloc(pdb.length + 10, 1));
  assert.ok(beyond.path !== undefined && readFileSync(beyond.path).equals(pdb));
});

test('a connection that breaks off is taken up where it broke', async () => {
  let times = 0;
  const { path, asked, lines } = await attempt((request, response) => {
    times += 1;
    if (times > 1) {
      serve(pdb)(request, response);
      return;
    }
    response.writeHead(200, { 'content-length': pdb.length });
    response.write(pdb.subarray(0, 9000), () => setTimeout(() => response.destroy(), 100));
  });
  assert.ok(path !== undefined && readFileSync(path).equals(pdb), lines.join('\n'));
  assert.match(asked[1] ?? '', /bytes=\d+-$/);
});

test('a file of another GUID or age, and a page that is no PDB, are not kept', async () => {
  for (const bytes of [pdbBytes(kernelPdb({ guid: Buffer.alloc(16, 9) })), pdbBytes(kernelPdb({ age: 5 })), Buffer.from('<html>not here</html>'), pdb.subarray(0, 8192)]) {
    const { path, folder, lines } = await attempt(serve(bytes));
    assert.equal(path, undefined);
    assert.match(lines.at(-1)!, /is not used: /);
    assert.deepEqual(readdirSync(dirname(join(folder, STORE))), []);
  }
});

test('a server that does not have it is asked once', async () => {
  const { path, asked, lines } = await attempt((_, response) => response.writeHead(404).end('no'));
  assert.equal(path, undefined);
  assert.equal(asked.length, 1);
  assert.match(lines[0]!, /: 404$/);
});

test('each place that a server sends us on to is a line, and a circle ends', async () => {
  const once = await attempt((request, response) => {
    if (request.url?.startsWith('/symbols')) response.writeHead(302, { location: '/blob' }).end();
    else serve(pdb)(request, response);
  });
  assert.ok(once.path !== undefined);
  assert.deepEqual(once.asked, [`/symbols/${STORE}`, '/blob']);
  assert.equal(once.lines.length, 2);
  const circle = await attempt((request, response) => response.writeHead(302, { location: request.url ?? '/' }).end());
  assert.equal(circle.path, undefined);
  assert.equal(circle.asked.length, 6);
  const elsewhere = await attempt((_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end());
  assert.equal(elsewhere.path, undefined);
  assert.equal(elsewhere.asked.length, 1);
});

test('a name that is none of a file is never asked for', async () => {
  const { path, asked, folder } = await attempt(serve(pdb), { ...WANTED, pdbName: '../../../x.pdb' });
  assert.equal(path, undefined);
  assert.deepEqual(asked, []);
  assert.deepEqual(readdirSync(folder), []);
});

test('a server that does not answer is said, not thrown', async () => {
  const lines: string[] = [];
  const folder = mkdtempSync(join(root, 'store-'));
  const path = await downloadSymbols(WANTED, { server: 'http://127.0.0.1:1/', folder, log: (line) => lines.push(line) });
  assert.equal(path, undefined);
  assert.ok(lines.length > 0);
  assert.equal(existsSync(join(folder, STORE)), false);
});
