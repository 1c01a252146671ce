// Makes a checkout ready: installs the locked packages when they are not there, and builds. Plain Node, for nothing is installed before it.
// Part of `npm start` and `npm test`; says what it does only when it takes time.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
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

/** Runs a command in the checkout; ends with its code when it fails. */
function run(sentence, command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
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
  run('npm ci failed: see above. It needs the package registry, python3, make and g++.', 'npm', ['ci', '--include=dev', '--no-fund', '--no-audit']);
}
run('The build failed: see the compiler above.', process.execPath, [
  `${root}node_modules/typescript/bin/tsc`, '-p', `${root}tsconfig.json`,
  '--incremental', '--tsBuildInfoFile', `${root}dist/.tsbuildinfo`,
]);
