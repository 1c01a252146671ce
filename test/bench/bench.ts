// npm run bench [-- [--driver=NAME] IMAGE …]: figures and ratios of one run, the demo image when none is given. Medians; nothing is asserted.
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { demoImage } from '../../mount/demo-image.js';
import { fuseProblem } from '../../mount/mount-point.js';
import { median, quantile, repeated, report, timed } from './figures.js';
import { mounted } from './mounted.js';

const RUNS = 5;
const driver = process.argv.find((argument) => argument.startsWith('--driver='))?.slice('--driver='.length) ?? 'fuse-native';
/** `stat` calls between two breaths while the pass runs. */
const BATCH = 20;

const ms = (value: number): string => `${value.toFixed(value < 10 ? 3 : 0)} ms`;

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** MB/s of `dd bs=1M` over a whole file. */
async function ddRate(path: string): Promise<number> {
  const taken = await timed(() => run('dd', [`if=${path}`, 'of=/dev/null', 'bs=1M', 'status=none']));
  return statSync(path).size / 1e3 / taken;
}

/** The files of every process, by name and by PID: paths that nobody has asked for yet. */
function processFiles(folder: string): string[] {
  return ['name', 'pid'].flatMap((way) => readdirSync(join(folder, way)).flatMap((process) =>
    readdirSync(join(folder, way, process)).map((file) => join(folder, way, process, file))));
}

/** Latencies of `stat`, one after the other, in ms. */
function statLatencies(paths: readonly string[]): number[] {
  return paths.map((path) => {
    const start = performance.now();
    statSync(path);
    return performance.now() - start;
  });
}

const latency = (taken: readonly number[]): string => `${ms(median(taken))} / ${ms(quantile(taken, 0.99))}`;

/** From the command's start to the complete list, against an empty Node process. */
async function opening(image: string): Promise<void> {
  const taken: number[] = [];
  for (let i = 0; i < RUNS; i += 1) {
    const mount = await mounted(image, driver, 'off');
    taken.push(mount.listedMs);
    await mount.unmount();
  }
  const floor = median(await repeated(RUNS, () => run(process.execPath, ['-e', '0'])));
  report('mount to complete `ls name`, proc.txt', ms(median(taken)), `an empty Node process: ${ms(floor)}`);
}

/** What a mount does at rest. */
async function atRest(image: string): Promise<void> {
  const mount = await mounted(image, driver, 'off');
  try {
    const pmem = join(mount.folder, 'memory.pmem');
    const cold = await ddRate(pmem);
    const hot: number[] = [];
    const plain: number[] = [];
    await ddRate(image);
    for (let i = 0; i < RUNS; i += 1) {
      hot.push(await ddRate(pmem));
      plain.push(await ddRate(image));
    }
    report('dd bs=1M memory.pmem, first', `${cold.toFixed(0)} MB/s`, `${(cold / median(plain)).toFixed(2)} of plain dd (${median(plain).toFixed(0)} MB/s)`);
    report('dd bs=1M memory.pmem, again', `${median(hot).toFixed(0)} MB/s`, `${(median(hot) / median(plain)).toFixed(2)} of plain dd`);
    const stats = statLatencies(processFiles(mount.folder));
    report('stat p50 / p99, first look, idle', latency(stats), `${stats.length} files`);
    let entries = 0;
    const name = join(mount.folder, 'name');
    const taken = await repeated(RUNS, () => { entries = run('find', [name]).split('\n').length - 1; });
    report('find name', `${(entries / median(taken) * 1000).toFixed(0)} entries/s`, `${entries} entries; first ${ms(taken[0] ?? Number.NaN)}`);
    report('peak resident memory, no pass', `${mount.peakMiB().toFixed(0)} MiB`);
  } finally {
    await mount.unmount();
  }
}

/** What a mount does while the forensic pass runs, and how long that takes. */
async function passing(image: string): Promise<void> {
  const mount = await mounted(image, driver, 'on');
  try {
    const taken: number[] = [];
    let done = false;
    const passed = mount.passed().then((at) => {
      done = true;
      return at;
    });
    const paths = processFiles(mount.folder);
    for (let at = 0; !done; at = (at + BATCH) % paths.length) {
      taken.push(...statLatencies(paths.slice(at, at + BATCH)));
      await new Promise((resolve) => { setTimeout(resolve, 10); });
    }
    report('forensic pass, from the command\'s start', ms(await passed));
    report('stat p50 / p99, pass running', latency(taken), `${taken.length} calls on ${paths.length} files`);
    report('peak resident memory, with the pass', `${mount.peakMiB().toFixed(0)} MiB`);
  } finally {
    await mount.unmount();
  }
}

const given = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const images = given.length > 0 ? given : [await demoImage()];
const problem = fuseProblem();
process.stdout.write(run(process.execPath, [fileURLToPath(new URL('./registry.js', import.meta.url))]));
for (const image of images) {
  console.log(`${image} (${(statSync(image).size / 2 ** 20).toFixed(0)} MiB), driver ${driver}`);
  process.stdout.write(run(process.execPath, [fileURLToPath(new URL('./scan.js', import.meta.url)), image]));
  if (problem !== undefined) {
    console.log(`  The mount is not measured: ${problem}`);
    continue;
  }
  await opening(image);
  await atRest(image);
  await passing(image);
}
