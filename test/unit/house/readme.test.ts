import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EXIT } from '../../../mount/exit-codes.js';
import { ROOT } from './sources.js';

const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

interface Manifest {
  readonly version: string;
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;

test('the README names every exit code and no other', () => {
  const section = README.slice(README.indexOf('## Exit codes'), README.indexOf('## Limits'));
  const named = [...section.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
  assert.deepEqual(named, Object.values(EXIT));
});

test('the documents link to files that are there', () => {
  for (const document of ['README.md', 'CONTRIBUTING.md', 'docs/architecture.md']) {
    const content = readFileSync(join(ROOT, document), 'utf8');
    const links = [...content.matchAll(/\]\(([^)#:]+)\)/g)].map(([, path]) => path ?? '');
    assert.ok(links.length > 0, document);
    assert.deepEqual(links.filter((path) => !existsSync(join(ROOT, document, '..', path))), [], document);
  }
});

test('the commands that the documents name are scripts of the package', () => {
  const content = README + readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8') + readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8');
  const named = new Set([...content.matchAll(/npm (?:run ([\w:]+)|(start|test))\b/g)].map(([, script, short]) => script ?? short ?? ''));
  assert.ok(named.has('start') && named.has('test'));
  assert.deepEqual([...named].filter((script) => !Object.hasOwn(manifest.scripts, script)), []);
});

test('every dependency is pinned to one version', () => {
  const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
  assert.deepEqual(versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version)), []);
});

test('the changelog has an entry for this version', () => {
  assert.match(readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8'), new RegExp(`^## ${manifest.version.replaceAll('.', '\\.')}$`, 'm'));
});
