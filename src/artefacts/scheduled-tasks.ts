import { upcase } from '../registry/name.js';
import { artefact } from './artefact.js';
import { at, below, inHives, WHERE, type Found } from './found.js';
import { filetimeAt, valuesOf } from './key-values.js';
import { bits, flag, plainTable, text, time } from './plain-table.js';
import { taskActions, type TaskAction } from './task-actions.js';
import { triggerKinds } from './task-triggers.js';

interface Task extends Found {
  readonly path: string | undefined;
  readonly id: string | undefined;
  readonly actions: readonly TaskAction[];
  readonly context: string | undefined;
  readonly triggers: string | undefined;
  readonly author: string | undefined;
  readonly date: string | undefined;
  readonly description: string | undefined;
  readonly registered: bigint | undefined;
  readonly lastRun: bigint | undefined;
  readonly lastDone: bigint | undefined;
  readonly result: number | undefined;
  readonly inTree: boolean;
  /** Its key in the tree has a security descriptor; without one, Windows' own tools do not list the task. */
  readonly hasSecurity: boolean;
  readonly hasTask: boolean;
}

const CACHE = 'Microsoft\\Windows NT\\CurrentVersion\\Schedule\\TaskCache';
/** Levels of folders below Tree; a deeper tree is a trap. */
const MAX_DEPTH = 64;

interface Leaf extends Found {
  readonly id: string;
  readonly path: string;
  readonly hasSecurity: boolean;
}

/** The tasks in the tree of folders. */
function* leaves(folder: Found, path: string, depth: number): Generator<Leaf> {
  for (const child of below(folder)) {
    const values = valuesOf(child.key);
    const own = `${path}\\${child.key.name}`;
    const id = values.text('Id');
    if (id !== undefined) yield { ...child, id, path: own, hasSecurity: values.value('SD') !== undefined };
    if (depth < MAX_DEPTH) yield* leaves(child, own, depth + 1);
  }
}

function taskOf(found: Found, leaf: Leaf | undefined): Task {
  const values = valuesOf(found.key);
  const info = values.bytes('DynamicInfo') ?? Buffer.alloc(0);
  const actions = values.bytes('Actions');
  const read = actions === undefined ? undefined : taskActions(actions);
  if (read?.whole === false) found.hive.registry.anomalies.add(found.hive.registry.where, 'the actions of a task could not be read to their end', found.key.cell);
  const triggers = values.bytes('Triggers');
  return {
    ...found,
    path: values.text('Path') ?? values.text('URI') ?? leaf?.path,
    id: found.key.name,
    actions: read?.actions ?? [],
    context: read?.context,
    triggers: triggers === undefined ? undefined : triggerKinds(triggers).join(', '),
    author: values.text('Author'),
    date: values.text('Date'),
    description: values.text('Description'),
    registered: filetimeAt(info, 4),
    lastRun: filetimeAt(info, 12),
    result: info.length >= 28 ? info.readUInt32LE(24) : undefined,
    lastDone: filetimeAt(info, 28),
    inTree: leaf !== undefined,
    hasSecurity: leaf?.hasSecurity ?? false,
    hasTask: true,
  };
}

function onlyInTree(leaf: Leaf): Task {
  return {
    hive: leaf.hive, key: leaf.key, path: leaf.path, id: leaf.id, actions: [], context: undefined, triggers: undefined, author: undefined, date: undefined,
    description: undefined, registered: undefined, lastRun: undefined, lastDone: undefined, result: undefined, inTree: true, hasSecurity: leaf.hasSecurity, hasTask: false,
  };
}

const joined = (r: Task, part: (action: TaskAction) => string): string => r.actions.map(part).join('; ');

/** Scheduled tasks, as the scheduler's cache in the registry has them. */
export const SCHEDULED_TASKS = artefact<Task>({
  reads: [`SOFTWARE\\${CACHE}\\Tasks`, `SOFTWARE\\${CACHE}\\Tree`],
  table: plainTable({
    name: 'scheduled_tasks',
    doc: 'Scheduled tasks by the scheduler\'s cache: what they run, as whom, and when last. A task without a place in the tree, or whose place has no security descriptor, is hidden from '
      + 'Windows\' own tools.',
    columns: [
      text('path', (r) => r.path, 'folder and name', 48),
      text('command', (r) => joined(r, ({ command }) => command), 'program, or class of a COM handler', 32),
      text('arguments', (r) => joined(r, ({ args }) => args), 'its arguments', 24),
      text('folder', (r) => joined(r, ({ folder }) => folder), 'folder it starts in', 8),
      text('kind', (r) => joined(r, ({ kind }) => kind), 'exec, com, mail or message', 4),
      text('runs_as', (r) => r.context, 'name of the principal', 12),
      text('triggers', (r) => r.triggers, 'what starts it', 16),
      time('registered', (r) => r.registered, 'when it was registered'),
      time('last_run', (r) => r.lastRun, 'when it ran last'),
      time('last_completed', (r) => r.lastDone, 'when it was last done successfully'),
      bits('last_result', (r) => r.result, 'code of its last end'),
      text('author', (r) => r.author, 'author', 20),
      text('date', (r) => r.date, 'date its definition names', 19),
      text('description', (r) => r.description, 'description', 16),
      text('id', (r) => r.id, 'GUID', 38),
      flag('in_tree', (r) => r.inTree, 'it has a place in the tree'),
      flag('has_security', (r) => r.hasSecurity, 'its place has a security descriptor'),
      flag('has_task', (r) => r.hasTask, 'the place in the tree leads to a task'),
      ...WHERE,
    ],
  }),
  timeline: {
    type: 'RTASK',
    * events(r) {
      const what = `${r.path ?? r.id ?? ''} ${joined(r, ({ command, args }) => `${command} ${args}`.trimEnd())}`.trimEnd();
      yield { time: r.registered, action: 'CRE', text: `task ${what}` };
      yield { time: r.lastRun, action: 'RD', text: `task ran ${what}` };
      yield { time: r.lastDone, action: '---', text: `task done ${what}` };
    },
  },
  * rows(set) {
    for (const cache of inHives(set.of('SOFTWARE'), CACHE)) {
      const tree = new Map<string, Leaf>();
      for (const root of at(cache, 'Tree')) for (const leaf of leaves(root, '', 0)) tree.set(upcase(leaf.id), leaf);
      const seen = new Set<string>();
      for (const tasks of at(cache, 'Tasks')) {
        for (const task of below(tasks)) {
          seen.add(upcase(task.key.name));
          yield taskOf(task, tree.get(upcase(task.key.name)));
        }
      }
      for (const [id, leaf] of tree) if (!seen.has(id)) yield onlyInTree(leaf);
    }
  },
});
