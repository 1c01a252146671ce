import { basename, resolve } from 'node:path';
import { DRIVERS, mountOptions, type MountRequest } from './daemon.js';
import { EXIT, UserError } from './exit-codes.js';
import { hiveInputs } from './hive-inputs.js';
import { openHiveTree } from './hive-tree.js';
import { fuseProblem, prepareMountPoint } from './mount-point.js';
import { readHives, type LogsChoice } from './open-hives.js';
import { Renderer } from './renderer.js';
import { serve } from './serve.js';
import { workFolder } from './work-folder.js';

/** Hives to be mounted: paths of files and folders in place of an image. No pass runs over them. */
export interface HiveMountRequest extends Omit<MountRequest, 'image' | 'forensic' | 'choices'> {
  readonly paths: readonly string[];
  readonly logs: LogsChoice;
  /** The folder for work folders; undefined: the user's cache. */
  readonly work: string | undefined;
}

/**
 * Mounts hive files together and serves them until the mount is gone.
 * @param onMounted the mount answers
 * @throws UserError sentences for the user
 */
export async function mountHives(request: HiveMountRequest, log: (line: string) => void, onMounted: () => void): Promise<void> {
  const { passed, umask } = mountOptions(request.options);
  const problem = fuseProblem();
  if (problem !== undefined) throw new UserError(problem, EXIT.mount);
  const mountPoint = resolve(request.mountPoint);
  const inputs = hiveInputs(request.paths);
  const [first] = inputs;
  if (first === undefined) throw new UserError('There is no hive to mount.', EXIT.usage);
  await prepareMountPoint(mountPoint);
  const work = workFolder(first.path, request.work);
  if (`${work}/`.startsWith(`${mountPoint}/`)) {
    throw new UserError(`The work folder ${work} lies under the mount point; choose another with --work.`, EXIT.folder);
  }
  const tree = openHiveTree(readHives(inputs, request.logs));
  for (const { path, why } of tree.set.refused) log(`${path} is left out: ${why}.`);
  const renderer = new Renderer(new URL('./hive-render-worker.js', import.meta.url), tree.files);
  const serving = await serve({
    tree, renderer, work, log, mountPoint, umask, options: passed, driver: await DRIVERS[request.driver](), name: basename(first.path), debug: request.debug,
  });
  onMounted();
  await serving.ended;
}
