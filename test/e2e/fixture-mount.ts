/** Mounts the fixture tree: `fixture-mount.js DRIVER MOUNTPOINT WORK HOSTFILE ENTRIES MEMORY`; says `mounted` on stdout. */
import { prepareMountPoint } from '../../mount/mount-point.js';
import { Renderer } from '../../mount/renderer.js';
import { serve } from '../../mount/serve.js';
import type { MountDriver } from '../../native-bindings/fuse.js';
import { fixtureTree, type FixtureFacts } from './fixture-tree.js';

const [driverName = '', mountPoint = '', work = '', host = '', many = '0', memory = '0'] = process.argv.slice(2);
const facts: FixtureFacts = { host, many: Number(many), memory: Number(memory) };
const driver: MountDriver = driverName === 'device'
  ? (await import('../../native-bindings/fuse-device.js')).mountByDevice
  : (await import('../../native-bindings/fuse-native.js')).mountFuseNative;
await prepareMountPoint(mountPoint);
const serving = await serve({
  tree: fixtureTree(facts),
  renderer: new Renderer(new URL('./fixture-worker.js', import.meta.url), facts),
  work, driver, mountPoint, name: 'fixture', options: [], debug: false,
  log: (line) => process.stderr.write(`${line}\n`),
});
process.stdout.write('mounted\n');
await serving.ended;
process.exit(0);
