import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { demoImage } from '../../mount/demo-image.js';
import { finishedTree, type FinishedTree } from '../../mount/finished-tree.js';
import { needPath } from '../../mount/tree-path.js';
import type { OpenedTree } from '../../mount/tree/root.js';
import { treePage, undocumented } from '../../mount/tree-page.js';
import { differenceOf, snapshotOf, type Choice, type Snapshot } from './snapshot.js';

const EXPECTED = fileURLToPath(new URL('../../../test/golden/expected/', import.meta.url));
const DOCUMENTED = fileURLToPath(new URL('../../../docs/the-tree.md', import.meta.url));
const UPDATE = process.env['MEMLENS_UPDATE_GOLDEN'] === '1';
const MAX_BYTES = 1 << 20;

/** Processes shown in full: a 64-bit one of the user and a 32-bit one. */
const SHOWN = '(notepad\\.exe|jusched\\.exe)-\\d+';

/** Directories of a process that are shown as one line even where the process is shown in full: there are hundreds of files in them. */
const MANY = 'vmem|files/[^/]+|handles/by-id/[^/]+|memmap/vad-v|threads/\\d+|heaps/\\d+|modules/[^/]+/(sectionsd|directoriesd)';

const CHOICE: Choice = {
  folded: new RegExp(`^(pid/.*|registry/by-hive/[^/]+/ROOT|name/(?!${SHOWN}$)[^/]+|name/[^/]+/modules/(?!(notepad|jusched)\\.exe)[^/]+`
    + `|name/[^/]+/(${MANY})|registry/HKLM/(SYSTEM|SOFTWARE)/[^/]+/[^/]+/[^/]+)$`),
  kept: new RegExp(`^(diagnose\\.txt|sys/.*|name/notepad\\.exe-\\d+/(?!modules/|memmap/(_vad-v|missing-v)|${MANY}).*|name/jusched\\.exe-\\d+/[^/]+|name/${SHOWN}/modules/[^/]+`
    + '|name/[^/]+/modules/(notepad|jusched)\\.exe/[^/]*\\.txt|registry/HKU/alice/Software/Microsoft/Windows/CurrentVersion/Run/.*\\.txt'
    + '|forensic/(findevil/.*|progress\\.txt|readme\\.txt|anomalies\\.txt))$'),
  loose: /^forensic\/database\.sqlite$/,
};

let finished: FinishedTree;
let tree: OpenedTree;
let found: Snapshot;
const work = mkdtempSync(join(tmpdir(), 'memlens-golden-'));

before(async () => {
  const image = await demoImage();
  // The diagnosis names the image as it was given: always the same.
  process.chdir(dirname(image));
  finished = await finishedTree(basename(image), {
    choices: { work, cache: false, overrides: {}, symbolFolders: [] }, forensic: true, log: (line) => assert.fail(line),
  });
  tree = finished.tree;
  found = snapshotOf(needPath(tree, '/'), CHOICE);
  if (UPDATE) write(found);
});

after(async () => {
  await finished.close();
  rmSync(work, { recursive: true, force: true });
});

function write(snapshot: Snapshot): void {
  rmSync(EXPECTED, { recursive: true, force: true });
  for (const [path, content] of snapshot) {
    mkdirSync(dirname(join(EXPECTED, path)), { recursive: true });
    writeFileSync(join(EXPECTED, path), content);
  }
}

function expectedFiles(): string[] {
  return readdirSync(EXPECTED, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(EXPECTED.length))
    .sort();
}

const HOW = 'look at the difference; when it is meant, `npm run test:golden -- --update`';

test('the demo image shows every file with the type, size, time and content that it had', () => {
  const difference = differenceOf(readFileSync(join(EXPECTED, 'listing.txt'), 'utf8'), found.get('listing.txt') ?? '');
  assert.equal(difference, undefined, `${difference}\n${HOW}`);
});

test('the text that is kept is the text that is shown', () => {
  const differences = [...found].filter(([path]) => path !== 'listing.txt').flatMap(([path, content]) => {
    const difference = expectedFiles().includes(path) ? differenceOf(readFileSync(join(EXPECTED, path), 'utf8'), content) : 'not kept yet';
    return difference === undefined ? [] : [`${path}: ${difference}`];
  });
  assert.equal(differences.join('\n'), '', HOW);
});

test('nothing is kept that is no longer shown, and the whole stays small enough to review', () => {
  assert.deepEqual(expectedFiles(), [...found.keys()].sort(), HOW);
  const size = [...found.values()].reduce((sum, content) => sum + Buffer.byteLength(content), 0);
  assert.ok(size < MAX_BYTES, `${size} bytes`);
});

test('a process is the same by name and by PID', () => {
  const byName = directoryNodes('/name');
  assert.ok(directoryNodes('/pid').every((node) => byName.includes(node)));
  assert.equal(directoryNodes('/pid').length, byName.length);
  assert.ok(byName.length >= 60);
});

test('docs/the-tree.md says what the tree shows, and every file says what it holds', () => {
  assert.deepEqual(undocumented(tree.root), [], 'give these a `doc`');
  const difference = differenceOf(readFileSync(DOCUMENTED, 'utf8'), treePage(tree.root));
  assert.equal(difference, undefined, `${difference}\n\`npm run docs\` writes it anew`);
});

function directoryNodes(path: string): unknown[] {
  const { node } = needPath(tree, path);
  assert.ok(node.kind === 'directory');
  return [...node.entries()].map(([, child]) => child);
}
