import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { FormatError } from '../../src/bytes/errors.js';
import { sddl, securityDescriptor } from '../../src/bytes/security-descriptor.js';
import { isXz, unpackXz } from '../../src/compress/xz.js';
import { hiveKind } from '../../src/registry/hive-set.js';
import { openHive, type OpenedHive } from '../../src/registry/open-hive.js';
import { orphanKeys } from '../../src/registry/orphan-keys.js';
import { securityCell } from '../../src/registry/security.js';
import { isDirty } from '../../src/registry/transaction-log.js';
import { hiveScan } from '../support/hive-scan.js';

/** Real hives, beside the checkout. */
const HIVES = fileURLToPath(new URL('../../../../shared/testdata/registry/', import.meta.url));
const skip = existsSync(HIVES) ? false : `there are no hives in ${HIVES}`;
const LARGEST = 1 << 28;
/** What is no hive: logs, licences, data of single values, what other tools say. */
const OTHER = /\.(log\d?|bin|golden|md|txt)(\.xz)?$|LICENSE$/i;

/** Files that are no hive, and the sentence that refuses them. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  NotAHive: /^no registry hive: it does not begin with "regf"$/,
  'SYSTEM.DAT': /a registry of Windows 95, 98 or ME/,
  'USER.DAT': /a registry of Windows 95, 98 or ME/,
};
/** Hives that are damaged on purpose, and what is said of them; cells that a scan by bins finds are not all of theirs. */
const BROKEN: Readonly<Record<string, RegExp>> = {
  SAMBadHBinHeader: /a bin has no valid header/,
  'corrupted_system_hive.xz': /a bin has no valid header/,
};
/** Hives that are whole but for their header or root, and what is said of them. */
const ODD: Readonly<Record<string, RegExp>> = {
  SECURITYNoRoot: /the root key is not marked as the root of a hive/,
  'SAN(OTHER)': /the checksum of the base block does not fit/,
};

interface File {
  readonly name: string;
  readonly path: string;
  readonly bytes: Buffer;
}

function* files(): Generator<File> {
  const entries = readdirSync(HIVES, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && !OTHER.test(entry.name));
  for (const { name, parentPath } of entries) {
    const raw = readFileSync(join(parentPath, name));
    yield { name, path: relative(HIVES, join(parentPath, name)), bytes: isXz(raw) ? unpackXz(raw, LARGEST) : raw };
  }
}

interface Counted {
  readonly keys: number;
  readonly values: number;
  readonly descriptors: number;
  readonly securityCells: number;
}

/** Walks all there is, and reads all of it. */
function counted({ hive, anomalies }: OpenedHive): Counted {
  let keys = 0;
  let values = 0;
  const cells = new Set<number>();
  for (const key of hive.keys()) {
    keys += 1;
    key.className();
    for (const value of key.values()) {
      value.native();
      values += 1;
    }
    if (key.securityCell !== undefined) cells.add(key.securityCell);
  }
  const read = [...cells].filter((cell) => anomalies.attempt('security', () => {
    const found = securityCell(hive, cell);
    return found && sddl(securityDescriptor(found.descriptor), 'key');
  }) !== undefined);
  return { keys, values, descriptors: read.length, securityCells: cells.size };
}

function freeCells({ hive }: OpenedHive): number {
  let free = 0;
  for (const bin of hive.bins()) for (const cell of bin.cells()) if (cell.free) free += 1;
  return free;
}

const said = ({ anomalies }: OpenedHive): string => anomalies.list.map(({ what }) => what).join('\n');

test('every hive of the collection opens and has the keys and values that a scan of its cells finds, and the broken ones say what is wrong', { skip }, (context) => {
  const wrong: string[] = [];
  context.diagnostic(['file'.padEnd(34), 'kind'.padEnd(9), 'keys', 'values', 'free cells', 'descriptors', 'dirty', 'anomalies'].join('  '));
  for (const { name, path, bytes } of files()) {
    const refused = REFUSED[name];
    if (refused !== undefined) {
      assert.throws(() => openHive(bytes), (error) => error instanceof FormatError && refused.test(error.message), path);
      context.diagnostic(`${name.padEnd(34)}  refused`);
      continue;
    }
    const opened = openHive(bytes, { where: name });
    const { keys, values, descriptors, securityCells } = counted(opened);
    const dirty = isDirty(bytes) && opened.header.intact;
    context.diagnostic([name.padEnd(34), hiveKind(opened.hive, opened.header.fileName).padEnd(9), keys, values, freeCells(opened), `${descriptors}/${securityCells}`,
      dirty ? 'dirty' : 'clean', opened.anomalies.list.length].join('  '));
    const expected = BROKEN[name];
    if (expected !== undefined) {
      assert.match(said(opened), expected);
      assert.ok(keys > 50, `${path}: ${keys} keys`);
      continue;
    }
    const scan = hiveScan(bytes);
    if (keys !== scan.keys || values !== scan.values) wrong.push(`${path}: ${keys} keys, ${values} values; the scan ${scan.keys}, ${scan.values}`);
    if (descriptors !== securityCells) wrong.push(`${path}: ${descriptors} of ${securityCells} descriptors`);
    const orphans = orphanKeys(opened.hive).length;
    if ((orphans > 0) !== (scan.unlisted > 0)) wrong.push(`${path}: ${orphans} orphans, ${scan.unlisted} keys that no list names`);
    const odd = ODD[name] ?? (dirty ? /^the hive is dirty: its last write was not completed$/ : /^$/);
    if (!odd.test(said(opened))) wrong.push(`${path}: ${said(opened)}`);
  }
  assert.deepEqual(wrong, []);
});

test('a key that was cut off from its parent\'s list is found as an orphan', { skip }, () => {
  const { bytes } = [...files()].find(({ name }) => name === 'NTUSER_modified.DAT.xz') ?? assert.fail('it is not there');
  assert.deepEqual(orphanKeys(openHive(bytes).hive).map(({ path }) => path), ['Software\\Microsoft\\New Key #1']);
});

test('a clean hive with logs beside it is not said to be anything', { skip }, () => {
  const clean = readFileSync(join(HIVES, 'EricZimmerman+Registry/Registry.Test/Hives/SAM'));
  assert.deepEqual(openHive(clean, { logs: [Buffer.alloc(0), Buffer.from('no log')] }).anomalies.list, []);
});
