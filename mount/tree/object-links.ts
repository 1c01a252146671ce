import { hex } from '../../src/bytes/hex.js';
import { pathNames } from '../../src/registry/name.js';
import { fileName } from '../../src/vfs/name.js';
import type { Link } from '../../src/vfs/node.js';
import { controlAreaAt } from '../../src/windows/control-area.js';
import { fileContent } from '../../src/windows/file-content.js';
import type { HeldObject } from '../../src/windows/handle.js';
import { openKey } from '../../src/windows/key-control-block.js';
import type { Kernel } from '../../src/windows/kernel.js';
import { threadOwner } from '../../src/windows/object-facts.js';
import { sectionArea } from '../../src/windows/object-facts-storage.js';
import type { Process } from '../../src/windows/process.js';
import { mountPath } from '../../src/windows/registry-path.js';
import { rebuiltName } from './files.js';
import { hiveName } from './registry-hives.js';
import type { TreeServices, WholeTree } from './services.js';

/** From the directory of a handle up to its process's, and on to the root: /pid/<pid>/handles/by-id/<handle>. */
const TO_PROCESS = '../../../';
const TO_ROOT = '../../../../../';
/** Processes that share a PID: more than this are not looked through. */
const MAX_SHARED = 32;

/** A place in the tree where an object might be shown, and what that place says it shows. */
interface Candidate {
  /** From the root, without a leading slash. */
  readonly path: string;
  /** `user.memlens.address` of what must be there. */
  readonly shows: string;
}

/** Where an object of a type is shown, the likeliest place first. */
type Places = (tree: WholeTree, held: HeldObject, process: Process) => Iterable<Candidate>;

const at = (address: bigint): string => `0x${hex(address, 16)}`;

function isThere({ at: find }: WholeTree, { path, shows }: Candidate): boolean {
  return find(path)?.xattrs?.()['user.memlens.address'] === shows;
}

/** The path of a process's directory; undefined when it has none. */
function processPath(tree: WholeTree, address: bigint): string | undefined {
  const pid = tree.windows.processes().find((process) => process.address === address)?.pid;
  if (pid === undefined) return undefined;
  for (let use = 1; use <= MAX_SHARED; use += 1) {
    const path = `pid/${pid}${use === 1 ? '' : `~${use}`}`;
    if (isThere(tree, { path, shows: at(address) })) return path;
  }
  return undefined;
}

function* filePlaces(tree: WholeTree, kernel: Kernel, address: bigint, process: Process): Generator<Candidate> {
  const content = fileContent(kernel, address);
  const own = processPath(tree, process.address);
  if (content === undefined || own === undefined) return;
  for (const kind of ['handles', 'vads']) yield { path: `${own}/files/${kind}/${rebuiltName(content)}`, shows: at(address) };
}

/** By type: the link's name, and where it may lead. */
const LINKS: Readonly<Record<string, readonly [name: string, places: Places]>> = {
  Process: ['process', function* processPlaces(tree, { body }) {
    const path = processPath(tree, body);
    if (path !== undefined) yield { path, shows: at(body) };
  }],
  Thread: ['thread', function* threadPlaces(tree, { body }, { kernel }) {
    const owner = threadOwner(kernel, body);
    const path = owner === undefined ? undefined : processPath(tree, owner.process);
    if (path !== undefined) yield { path: `${path}/threads/${owner?.tid ?? 0}`, shows: at(body) };
  }],
  Key: ['key', function* keyPlaces(tree, { body }, { kernel }) {
    const key = openKey(kernel, body);
    const hive = key === undefined ? undefined : tree.windows.hives().find(({ address }) => address === key.hive);
    if (key === undefined || hive === undefined) return;
    const below = pathNames(key.path).slice(pathNames(mountPath(hive) ?? '').length);
    yield { path: ['registry/by-hive', hiveName(hive), 'ROOT', ...below.map((name) => fileName(name))].join('/'), shows: `${hex(key.hive, 16)}:${hex(key.cell, 8)}` };
  }],
  File: ['file', (tree, { body }, process) => filePlaces(tree, process.kernel, body, process)],
  Section: ['file', function* sectionPlaces(tree, { body }, process) {
    const area = sectionArea(process.kernel, body);
    const file = area === undefined ? undefined : controlAreaAt(process.kernel, area)?.fileObject;
    if (file !== undefined) yield* filePlaces(tree, process.kernel, file, process);
  }],
  Token: ['token', function* tokenPlaces(tree, { body }) {
    for (const { facts, address } of tree.windows.processes()) {
      const path = facts.tokenAddress === body ? processPath(tree, address) : undefined;
      if (path !== undefined) yield { path: `${path}/token`, shows: at(body) };
    }
  }],
};

/** The links of a handle's directory: to where the tree shows the object itself; made when asked for, left out where it does not. */
export function objectLinks(process: Process, held: HeldObject, { tree }: TreeServices): Readonly<Record<string, () => Link | undefined>> {
  const type = held.header?.type?.name ?? '';
  const row = Object.hasOwn(LINKS, type) ? LINKS[type] : undefined;
  if (row === undefined || tree === undefined) return {};
  const [name, places] = row;
  return {
    [name]: () => process.anomalies.attempt(`${process.where} handles`, () => {
      for (const candidate of places(tree, held, process)) {
        if (isThere(tree, candidate)) return { kind: 'link', target: relative(tree, process, candidate.path), doc: 'the object where the tree shows it' } as const;
      }
      return undefined;
    }),
  };
}

/** From the handle's directory to a path: within the process by its own directory, so that the link is right by any of its names. */
function relative(tree: WholeTree, process: Process, path: string): string {
  const own = processPath(tree, process.address);
  return own !== undefined && path.startsWith(`${own}/`) ? TO_PROCESS + path.slice(own.length + 1) : TO_ROOT + path;
}
