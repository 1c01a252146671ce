// Makes a checkout ready: installs the locked packages when they are not there, and builds. Plain Node, for nothing is installed before it.
// Part of `npm start` and `npm test`; says what it does only when it takes time.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('.', import.meta.url));

/** The packages a lockfile names, path → version. Optional ones (other platforms) may be absent. */
function packages(lockfile) {
  const entries = Object.entries(JSON.parse(readFileSync(lockfile, 'utf8')).packages);
  return new Map(entries.filter(([path]) => path !== '').map(([path, one]) => [path, one]));
}

/** Whether node_modules holds what package-lock.json says; npm writes down what it installed. */
function installed() {
  const written = `${root}node_modules/.package-lock.json`;
  if (!existsSync(written)) return false;
  const there = packages(written);
  return [...packages(`${root}package-lock.json`)].every(
    ([path, { version, optional }]) => there.get(path)?.version === version || (optional === true && !there.has(path)),
  );
}

/**
 * Where the headers of this very Node lie, when they came with it (Debian packages, container images): then nothing has to be
 * downloaded to compile against them.
 */
function ownHeaders() {
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  const header = `${prefix}/include/node/node_version.h`;
  if (!existsSync(header) || !existsSync(`${prefix}/include/node/common.gypi`)) return undefined;
  const text = readFileSync(header, 'utf8');
  const version = ['MAJOR', 'MINOR', 'PATCH'].map((part) => new RegExp(`^#define NODE_${part}_VERSION (\\d+)$`, 'm').exec(text)?.[1]).join('.');
  return version === process.versions.node ? prefix : undefined;
}

/** Runs a command in the checkout; ends with its code when it fails. */
function run(sentence, command, args, env = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
  if (status === 0) return;
  console.error(`${sentence}${error === undefined ? '' : ` (${error.message})`}`);
  process.exit(status ?? 1);
}

const [major = 0] = process.versions.node.split('.').map(Number);
if (major < 20) {
  console.error(`memlens needs Node 20 or newer; this is ${process.version}.`);
  process.exit(1);
}
if (!installed()) {
  console.log('Installing the locked packages (SQLite is compiled from source: this takes a minute or two, once) …');
  const headers = process.env['npm_config_nodedir'] ?? ownHeaders();
  run('npm ci failed: see above. It needs the package registry, python3, make and g++.', 'npm', ['ci', '--include=dev', '--no-fund', '--no-audit'],
    headers === undefined ? {} : { npm_config_nodedir: headers });
}
run('The build failed: see the compiler above.', process.execPath, [
  `${root}node_modules/typescript/bin/tsc`, '-p', `${root}tsconfig.json`,
  '--incremental', '--tsBuildInfoFile', `${root}dist/.tsbuildinfo`,
]);
