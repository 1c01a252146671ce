import type { Anomaly } from '../src/bytes/anomaly.js';
import type { Table } from '../src/vfs/column.js';
import { directory, listing, type Listing } from '../src/vfs/directory.js';
import type { Directory, HostFile, Node } from '../src/vfs/node.js';
import { spooled } from '../src/vfs/spooled.js';
import { tableFile } from '../src/vfs/table.js';
import { text } from '../src/vfs/text.js';
import { DETECTORS } from './detectors.js';
import type { PassProgress } from './progress.js';
import { STAGES } from './stages.js';
import { TIMELINE } from './timeline.js';

/** What /forensic shows of a pass. */
export interface ForensicView {
  /** The finished files on the host, by their path below /forensic. */
  readonly files: ReadonlyMap<string, string>;
  readonly progress: PassProgress;
  /** When the progress changed, a FILETIME; undefined when the pass has ended. */
  readonly changed: bigint | undefined;
  readonly anomalies: readonly Anomaly[];
}

const MIME: Readonly<Record<string, string>> = {
  txt: 'text/plain', csv: 'text/csv', json: 'application/x-ndjson', jsonl: 'application/x-ndjson', sqlite: 'application/vnd.sqlite3',
};

/** The folders of finished files; which of their files are listed, and which only answer by name. */
const FOLDERS = {
  csv: { lists: /\.csv$/, doc: 'a CSV file for each table' },
  findevil: { lists: /\.txt$/, doc: 'signs of malware' },
  json: { lists: /\.json$/, doc: 'the tables as JSON lines, for log stores' },
  timeline: { lists: /\.txt$/, doc: 'what happened when, newest first' },
} as const;

/** The table that a finished file shows, by its path below /forensic, for the documentation. */
const TABLES: ReadonlyMap<string, Table<never>> = new Map(STAGES.flatMap(({ table, csv, text: file }) =>
  [...(csv === undefined ? [] : [[`csv/${csv}.csv`, table] as const]), ...(file === undefined ? [] : [[`${file}.txt`, table] as const])]));

/** What a finished file holds, likewise. */
function documentation(path: string): Pick<HostFile, 'doc' | 'table'> {
  const timeline = /timeline_(\w+)\.(?:txt|csv)$/.exec(path)?.[1];
  if (timeline !== undefined) return { table: TIMELINE, doc: timeline === 'all' ? 'everything, of all stages' : `the same of one kind: ${timeline}` };
  switch (path) {
    case 'database.sqlite': return { doc: 'all tables in one SQLite database, a snapshot after each stage' };
    case 'json/general.json': return { doc: 'processes, modules, connections and the other tables' };
    case 'json/registry.json': return { doc: 'keys and values of the registry' };
    case 'json/timeline.json': return { doc: 'the merged timeline' };
    default: return { table: TABLES.get(path) };
  }
}

const ANOMALIES: Table<Anomaly> = {
  name: 'anomalies',
  doc: 'Where the image contradicts itself, and what had to be left out.',
  heading: '   #  Address           Where                                     What',
  index: 4,
  columns: [
    { name: 'address', csv: 'Address', kind: 'address', value: (a) => (a.address === undefined ? undefined : BigInt(a.address)),
      text: { width: 16, align: 'right', lead: '  ' }, doc: 'where it lies, when it is a place in the image' },
    { name: 'where', csv: 'Where', kind: 'text', value: (a) => a.where, text: { width: 40, align: 'left', lead: '  ' }, doc: 'part of the model' },
    { name: 'what', csv: 'What', kind: 'text', value: (a) => a.what, text: { width: 0, align: 'left', lead: '  ' }, doc: 'what was found' },
  ],
};

const README = `What the forensic pass found. Files appear as their stage ends; progress.txt says how far it is.

anomalies.txt     where the image contradicts itself, and what had to be left out
csv/              a CSV for each table
database.sqlite   all tables in one SQLite database
findevil/         signs of malware, worst first
json/             the same as JSON lines
timeline/         what happened when, newest first: all, and one file for each kind

Beside each x.txt, x.csv and x.jsonl answer by name.
`;

const FINDEVIL_README = `Signs of malware, worst first. They are hints: each needs an analyst's eye.

${DETECTORS.map(({ type, meaning }) => `${type.padEnd(14)} ${meaning}\n`).join('')}
The description of memory findings: physical address, page table entry, A present, rights of the page, VAD, then
physical address, entry and state of the section's own page, and kind, flags and file of the VAD.
`;

/** @param name the path below /forensic */
function hostFile(name: string, path: string): HostFile {
  return { ...spooled(path, { mime: MIME[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream' }), ...documentation(name) };
}

/** A folder of finished files: complete or absent. */
function folder(view: ForensicView, name: keyof typeof FOLDERS, more: Readonly<Record<string, Node>> = {}): Directory {
  const find = (file: string): Node | undefined => {
    if (Object.hasOwn(more, file)) return more[file];
    // The CSV twin of a text stands in csv/.
    const path = view.files.get(`${name}/${file}`) ?? (file.endsWith('.csv') ? twinOf(view, name, file) : undefined);
    return path === undefined ? undefined : hostFile(`${name}/${file}`, path);
  };
  const rows: Listing = {
    * entries() {
      const names = [...view.files.keys()].filter((file) => file.startsWith(`${name}/`)).map((file) => file.slice(name.length + 1));
      for (const file of [...names.filter((one) => FOLDERS[name].lists.test(one)), ...Object.keys(more)].sort()) {
        const node = find(file);
        if (node !== undefined) yield [file, node] as const;
      }
    },
    lookup: find,
  };
  return listing(rows, { doc: FOLDERS[name].doc, volatile: true });
}

function twinOf(view: ForensicView, name: string, csv: string): string | undefined {
  return view.files.has(`${name}/${csv.slice(0, -4)}.txt`) ? view.files.get(`csv/${csv}`) : undefined;
}

/** The progress as text: a line a stage. Without rates once the pass has ended, so that it is the same after every mount. */
function progressText({ state, percent, failure, steps }: PassProgress): string {
  const width = steps.reduce((widest, { name }) => Math.max(widest, name.length + 1), 12);
  const lines = steps.map((step) => {
    const rate = step.state === 'running' && step.rate > 0 ? `  ${Math.round(step.rate)} rows/s` : '';
    // What is made from all stages has no rows of its own.
    const rows = step.rows === 0 && step.state === 'done' ? '' : `${String(step.rows).padStart(10)} rows`;
    const why = step.failure === undefined ? '' : `  ${step.failure}`;
    const notes = step.notes.map((note) => `${' '.repeat(width)}${note}\n`).join('');
    return `${step.name.padEnd(width)}${step.state.padEnd(8)}${String(Math.floor(step.percent)).padStart(4)} %${rows}${rate}${why}\n${notes}`;
  });
  return `${state}  ${percent} %${failure === undefined ? '' : `  ${failure}`}\n\n${lines.join('')}`;
}

/** The directory /forensic over a pass. Its files are there when they are complete, and not before. */
export function forensicDirectory(view: ForensicView): Directory {
  const about = { get mtime() { return view.changed; } };
  const fixed: Readonly<Record<string, Node>> = {
    'anomalies.txt': tableFile(ANOMALIES, () => view.anomalies, { volatile: true }),
    csv: folder(view, 'csv'),
    findevil: folder(view, 'findevil', { 'readme.txt': text(() => FINDEVIL_README, { doc: 'what each type means' }) }),
    json: folder(view, 'json'),
    'progress.txt': live(text(() => progressText(view.progress), { doc: 'how far the pass is, stage by stage' }), about),
    'progress_percent.txt': live(text(() => `${view.progress.percent}\n`, { doc: 'the same in percent' }), about),
    'readme.txt': text(() => README, { doc: 'what is here' }),
    timeline: folder(view, 'timeline'),
  };
  const kept = directory(fixed);
  const database = (): Node | undefined => {
    const path = view.files.get('database.sqlite');
    // One copy follows another under this name: its time tells them apart.
    return path === undefined ? undefined : { ...hostFile('database.sqlite', path), mtime: view.changed, volatile: view.changed !== undefined };
  };
  return listing({
    * entries() {
      for (const name of [...Object.keys(fixed), 'database.sqlite'].sort()) {
        const node = name === 'database.sqlite' ? database() : fixed[name];
        if (node !== undefined) yield [name, node] as const;
      }
    },
    lookup: (name) => (name === 'database.sqlite' ? database() : kept.lookup(name)),
  }, { doc: 'what the forensic pass found; a file appears when it is complete', volatile: true });
}

/** A file whose time is asked at each look. */
function live<F extends Node>(file: F, about: { readonly mtime: bigint | undefined }): F {
  return Object.defineProperty({ ...file, volatile: true }, 'mtime', { enumerable: true, get: () => about.mtime });
}
