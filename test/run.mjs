// Runs the built tests with Node's own runner, one process a test file: node test/run.mjs [folder of test/ …] [--update]
//
// What runs is what the sources say (test/**/*.test.ts), so that a stale file in dist never does. Ends with the runner's own closing lines;
// fails when a test fails, and when none ran.
import { readdirSync } from 'node:fs';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

const FILE_TIMEOUT_MS = 10 * 60_000;
const here = fileURLToPath(new URL('.', import.meta.url));
const built = fileURLToPath(new URL('../dist/test/', import.meta.url));

const rooms = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
if (process.argv.includes('--update')) process.env['MEMLENS_UPDATE_GOLDEN'] = '1';

const files = readdirSync(here, { recursive: true })
  .filter((path) => path.endsWith('.test.ts'))
  .filter((path) => rooms.length === 0 || rooms.some((room) => path === room || path.startsWith(`${room}/`)))
  .sort()
  .map((path) => built + path.replace(/ts$/, 'js'));
if (files.length === 0) {
  console.error(`There is no test file in test/${rooms.join(', test/')}.`);
  process.exit(1);
}

let passed = 0;
const tests = run({ files, concurrency: 2, timeout: FILE_TIMEOUT_MS });
tests.on('test:pass', ({ name, details, skip, todo }) => {
  // A file without a test passes under its own name.
  if (files.includes(name)) {
    console.error(`There is no test in ${name}.`);
    process.exitCode = 1;
  } else if (details.type !== 'suite' && skip === undefined && todo === undefined) {
    passed += 1;
  }
});
tests.on('test:fail', ({ todo }) => {
  if (todo === undefined) process.exitCode = 1;
});
tests.on('end', () => {
  if (passed === 0 && process.exitCode !== 1 && !rooms.includes('images')) {
    console.error('No test ran.');
    process.exitCode = 1;
  }
});
tests.compose(new spec()).pipe(process.stdout);
