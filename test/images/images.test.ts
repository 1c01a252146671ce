import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { openImage } from '../../src/image/image.js';
import { openWindows } from '../../src/windows/open.js';
import { scanPool } from '../../src/windows/pool-scan.js';
import type { Windows } from '../../src/windows/windows.js';
import { compareArtefacts } from './artefacts.js';
import { compareCallStacks } from './call-stacks.js';
import { precision, recall, type Comparison } from './comparison.js';
import { compareConsoles } from './consoles.js';
import { compareFiles } from './files.js';
import { compareForensic } from './forensic.js';
import { compareCrossView, compareHandleDirectories, compareNamespace } from './handles.js';
import { imageFiles, type ImageFiles } from './image-files.js';
import { compareMachineFacts } from './machine-facts.js';
import { compareMemory } from './memory.js';
import { compareModuleFiles, compareModuleViews } from './modules.js';
import { compareEndpoints, compareScan } from './net.js';
import { compareDrivers, compareHandles, compareThreads, compareTokens } from './objects.js';
import { compareProcessMemory } from './process-memory.js';
import { comparePageFiles } from './page-files.js';
import { compareRegistry } from './registry.js';
import { compareProcesses, compareSystem } from './system.js';
import { loadTruth, type Truth } from './truth.js';

/** What is compared, each after the pool scan has been joined. */
const COMPARISONS: readonly (readonly [subject: string, compare: (windows: Windows, truth: Truth) => readonly Comparison[]])[] = [
  ['the system', compareSystem],
  ['processes', compareProcesses],
  ['what the pool holds', compareScan],
  ['modules, VADs and page states', compareMemory],
  ['memory maps and minidumps', compareProcessMemory],
  ['what the loader\'s lists hide, and what was unloaded', compareModuleViews],
  ['rebuilt modules', compareModuleFiles],
  ['handles', compareHandles],
  ['files', compareFiles],
  ['consoles', compareConsoles],
  ['handles by id', compareHandleDirectories],
  ['who hides', compareCrossView],
  ['the namespace', compareNamespace],
  ['threads', compareThreads],
  ['call stacks', compareCallStacks],
  ['tokens', compareTokens],
  ['drivers', compareDrivers],
  ['endpoints', (windows, truth) => [compareEndpoints(windows, truth)]],
  ['the registry', compareRegistry],
  ['what the registry tells of the machine and its users', compareMachineFacts],
  ['what the registry tells of programs that ran and start', compareArtefacts],
  ['the rows and findings of the forensic pass', compareForensic],
];

/** Differences shown of one kind; the counts tell the rest. */
const SHOWN = 5;

function opened({ raw }: ImageFiles): Windows {
  const { windows } = openWindows(openImage(raw()));
  assert.ok(windows !== undefined, 'Windows was recognised');
  windows.join(scanPool(windows.kernel, { start: 0, end: windows.kernel.physical.size }));
  return windows;
}

/** What is missing or extra, in words; undefined when all is found and nothing more. */
function difference({ kind, missing, extra }: Comparison): string | undefined {
  if (missing.length === 0 && extra.length === 0) return undefined;
  const some = (what: string, list: readonly string[]): string[] =>
    [...list.slice(0, SHOWN).map((one) => `  ${what} ${one}`), ...(list.length > SHOWN ? [`  ${what} … ${list.length - SHOWN} more`] : [])];
  return [`${kind}: ${missing.length} missing, ${extra.length} extra`, ...some('missing', missing), ...some('extra', extra)].join('\n');
}

const images = imageFiles();
if (typeof images === 'string') {
  test('memlens agrees with the truth files', { skip: images }, () => undefined);
} else {
  const lines: string[] = [];
  /** Enters what was compared in the table; fails with what is missing or extra. */
  const agree = ({ name }: ImageFiles, rows: readonly Comparison[]): void => {
    assert.ok(rows.length > 0 && rows.some(({ expected }) => expected > 0), 'there is something to find');
    for (const row of rows) {
      lines.push(`${name.padEnd(24)}${row.kind.padEnd(28)}${String(row.expected).padStart(9)}${String(row.found).padStart(9)}`
        + `${recall(row).toFixed(4).padStart(9)}${precision(row).toFixed(4).padStart(11)}`);
    }
    assert.equal(rows.map(difference).filter((text) => text !== undefined).join('\n'), '');
  };
  for (const image of images) {
    describe(image.name, () => {
      let windows: Windows | undefined;
      let truth: Truth | undefined;
      for (const [subject, compare] of COMPARISONS) {
        test(`finds ${subject} as the truth says, all and nothing more`, () => {
          windows ??= opened(image);
          truth ??= loadTruth(image.truth());
          const rows = compare(windows, truth);
          agree(image, rows);
        });
      }
      const pageFile = image.pageFile();
      for (const given of pageFile === undefined ? [false] : [true, false]) {
        test(given ? 'reads every page of the page file that was given' : 'says of every page of a page file that it is missing', () => {
          const { windows: paged } = openWindows(openImage(image.raw()), given && pageFile !== undefined ? { pageFiles: [{ number: 0, path: pageFile }] } : {});
          truth ??= loadTruth(image.truth());
          assert.ok(paged !== undefined);
          agree(image, [comparePageFiles(paged, truth, given)]);
        });
      }
    });
  }
  after(() => {
    console.log(`${'image'.padEnd(24)}${'kind'.padEnd(28)}${'expected'.padStart(9)}${'found'.padStart(9)}${'recall'.padStart(9)}${'precision'.padStart(11)}`);
    for (const line of lines) console.log(line);
  });
}
