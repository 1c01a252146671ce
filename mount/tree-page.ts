import { ARTEFACTS } from '../src/artefacts/artefacts.js';
import type { Column, Table } from '../src/vfs/column.js';
import type { Node } from '../src/vfs/node.js';

/** Names of one shape in a directory, and the nodes that bear them. */
interface Group {
  readonly name: string;
  readonly nodes: Node[];
  readonly enter: boolean;
  readonly doc: string | undefined;
}

/** A page's directory: what `ls` shows, without what the image alone decides. */
interface Section {
  readonly path: string;
  readonly groups: readonly Group[];
}

/** Names that come from the image: many paths that are one line of the page. */
interface Shape {
  /** Matches a path; a directory's ends with a slash. Above it, names have their shape already. */
  readonly paths: RegExp;
  readonly name: string;
  readonly doc: string;
  /** False: what is in it is described elsewhere. */
  readonly enter?: boolean;
}

/** In the order they are asked. */
const SHAPES: readonly Shape[] = [
  { paths: /^\/name\/[^/]+\/$/, name: '<name>-<pid>', doc: 'a process; `<name>-(1)-<pid>` when it has ended' },
  { paths: /^\/pid\/[^/]+\/$/, name: '<pid>', doc: 'the same process by its ID', enter: false },
  { paths: /\/modules\/[^/]+\/$/, name: '<module>', doc: 'a module of the process' },
  { paths: /\/files\/modules\/[^/]+\.map$/, name: '<module>.map', doc: 'which parts of it are missing; listed when there are any' },
  { paths: /\/files\/modules\/[^/]+$/, name: '<module>', doc: 'a module as a file, rebuilt from memory' },
  { paths: /\/files\/(handles|vads)\/[^/]+\.map$/, name: '<address>-<name>.map', doc: 'which parts come from where, and which are missing; listed when there are any' },
  { paths: /\/files\/(handles|vads)\/[^/]+$/, name: '<address>-<name>', doc: 'a file rebuilt from memory, by the address of its _FILE_OBJECT' },
  { paths: /\/handles\/by-id\/[^/]+\/$/, name: '<handle>-<type>', doc: 'an open handle and its object' },
  { paths: /\/heaps\/\d+\/$/, name: '<n>', doc: 'a heap' },
  { paths: /\/heaps\/<n>\/0x[^/]+\/$/, name: '0x<k>', doc: 'its allocations from number k on' },
  { paths: /\/heaps\/<n>\/0x<k>\/[^/]+$/, name: '0x<address>.mem', doc: 'an allocation\'s bytes' },
  { paths: /\/memmap\/vad-v\/(?!_)[^/]+\.txt$/, name: '0x<address>-<name>.txt', doc: 'the pages of one VAD' },
  { paths: /\/threads\/\d+(~\d+)?\/$/, name: '<tid>', doc: 'a thread' },
  { paths: /\/vmem\/[^/]+\.bin$/, name: '<start>-<end>-<what>.bin', doc: 'the memory of a region; what is not in the image reads as zeros' },
  { paths: /\/modules\/[^/]+\/directoriesd\/[^/]+$/, name: '<EXPORT, IMPORT …>', doc: 'the bytes of a data directory' },
  { paths: /\/modules\/[^/]+\/sectionsd\/[^/]+$/, name: '<section>', doc: 'the bytes of a section, as it is mapped' },
  { paths: /^\/registry\/hive_files\/[^/]+\.reghive$/, name: '0x<cmhive>-<name>.reghive', doc: 'the hive as a file, rebuilt from memory' },
  { paths: /^\/registry\/hive_files\/[^/]+\.map$/, name: '0x<cmhive>-<name>.reghive.map', doc: 'which parts of it were not in the image; listed when there are any' },
  { paths: /^\/registry\/hive_memory\/[^/]+$/, name: '0x<cmhive>-<name>.hivemem', doc: 'the hive\'s cells by index, volatile ones from 0x80000000 on; a link, so that walking the tree passes it by' },
  { paths: /^\/registry\/by-hive\/[^/]+\/$/, name: '0x<cmhive>-<name>', doc: 'the keys of a hive' },
  { paths: /^\/registry\/by-hive\/[^/]+\/ROOT\/$/, name: 'ROOT', doc: 'its root key, as below `/registry/HKLM/<hive>/`', enter: false },
  { paths: /^\/registry\/by-hive\/[^/]+\/ORPHAN\/.+$/, name: '<key>', doc: 'a key, as below `/registry/HKLM/<hive>/`', enter: false },
  { paths: /^\/registry\/by-hive\/[^/]+\/DELETED\/.+$/, name: '<key>', doc: 'a key that was deleted, or that has deleted keys or values', enter: false },
  { paths: /^\/registry\/HKCU-[^/]+$/, name: 'HKCU-<user>', doc: 'link to the user\'s keys, HKEY_CURRENT_USER' },
  { paths: /^\/registry\/HKCR-[^/]+$/, name: 'HKCR-<user>', doc: 'link to the classes that the user sees, HKEY_CLASSES_ROOT' },
  { paths: /^\/registry\/HKCR-[^/]+\/$/, name: 'HKCR-<user>', doc: 'the classes of the machine under the user\'s, HKEY_CLASSES_ROOT: links to the keys that only one of them has', enter: false },
  { paths: /^\/registry\/HKLM\/[^/]+\/$/, name: '<hive>', doc: 'the root key of a hive: SOFTWARE, SYSTEM, SAM …; `<hive>.reg` and `<hive>.json` are its export' },
  { paths: /^\/registry\/HKU\/[^/]+\/$/, name: '<user>', doc: 'the root key of a user\'s hive, as below `/registry/HKLM/<hive>/`; the SID answers too', enter: false },
  { paths: /^\/registry\/HKLM\/<hive>\/(<key>\/)?[^/]+\(_Key_\)\/$/, name: '<link>(_Key_)', doc: 'a key that is a symbolic link, itself', enter: false },
  { paths: /^\/registry\/HKLM\/<hive>\/[^/]+\/$/, name: '<key>', doc: 'a key in it; its time is the last write. `<key>.reg` (as regedit exports it) and `<key>.json` answer by name: the key and all below it' },
  { paths: /^\/registry\/HKLM\/<hive>\/<key>\/[^/]+\/$/, name: '<key>', doc: 'a key in it, like this one', enter: false },
  { paths: /^\/registry\/HKLM\/<hive>\/(<key>\/)?\(_Key_\)$/, name: '(_Key_)', doc: 'the key\'s own cell, raw' },
  { paths: /^\/registry\/HKLM\/<hive>\/(<key>\/)?\(_Key_\)\.txt$/, name: '(_Key_).txt', doc: 'the key\'s address, name, last write, class, security and counts' },
  { paths: /^\/registry\/HKLM\/<hive>\/(<key>\/)?[^/]+\.txt$/, name: '<value>.txt', doc: 'a value\'s address, type and data as text' },
  { paths: /^\/registry\/HKLM\/<hive>\/(<key>\/)?CurrentControlSet$/, name: 'CurrentControlSet', doc: 'link to the control set in use' },
  { paths: /^\/registry\/HKLM\/<hive>\/(<key>\/)?[^/]+$/, name: '<value>', doc: 'a value\'s data, raw' },
];

const INTRODUCTION = `# The tree

Every directory that a mount shows, and what each file holds. A name in angle brackets comes from the image. This page is made from the tree
itself by \`npm run docs\`; do not edit it.

Every table \`x.txt\` also answers to \`x.csv\` and \`x.jsonl\` in the same directory; these twins are not listed. Its columns are below, under
[Tables](#tables).
`;

/** A table's cell in Markdown. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function tableOf(node: Node): Table<never> | undefined {
  return node.kind === 'bytes' || node.kind === 'host' ? node.table : undefined;
}

/** What a group's nodes hold, in one line. */
function meaning({ doc, nodes: [node] }: Group): string {
  if (doc !== undefined || node === undefined) return doc ?? '';
  if (node.doc !== undefined) return node.doc;
  if (node.kind === 'link') return `link to \`${node.target}\``;
  return tableOf(node)?.doc ?? '';
}

/** The name that a path has on the page, and whether it is gone into. */
function shapeOf(path: string): Shape | undefined {
  return SHAPES.find(({ paths }) => paths.test(path));
}

/** What all nodes of one kind list, by shape of name, in the order of first sight. */
function groupsOf(nodes: readonly Node[], path: string): Group[] {
  const groups = new Map<string, Group>();
  for (const node of nodes) {
    if (node.kind !== 'directory') continue;
    for (const [given, child] of node.entries()) {
      const shape = shapeOf(path + given + (child.kind === 'directory' ? '/' : ''));
      const name = shape?.name ?? given;
      const group = groups.get(name);
      if (group === undefined) groups.set(name, { name, nodes: [child], enter: shape?.enter ?? true, doc: shape?.doc });
      else group.nodes.push(child);
    }
  }
  return [...groups.values()];
}

/** All kinds of directories, each once. */
function sectionsOf(nodes: readonly Node[], path: string): Section[] {
  const groups = groupsOf(nodes, path);
  const below = groups.filter(({ nodes: [first], enter }) => first?.kind === 'directory' && enter)
    .flatMap((group) => sectionsOf(group.nodes, `${path}${group.name}/`));
  return [{ path, groups }, ...below];
}

function sectionText({ path, groups }: Section): string {
  const rows = groups.map((group) => {
    const shown = group.nodes[0]?.kind === 'directory' ? `${group.name}/` : group.name;
    return `| \`${shown}\` | ${cell(meaning(group))} |`;
  });
  return [`## \`${path}\``, '', '| name | what it holds |', '|---|---|', ...rows, ''].join('\n');
}

/** Where a column's value goes: its name, and its CSV heading when there is one. */
function columnRow(column: Column<never>): string {
  const csv = column.csv === undefined ? '' : `\`${column.csv}\``;
  return `| \`${column.name}\` | ${csv} | ${column.kind} | ${column.text === undefined ? '' : 'yes'} | ${cell(column.doc)} |`;
}

/** What the registry's own tables are read from. */
function sourcesOf(table: Table<never>): readonly string[] {
  const reads = ARTEFACTS.find((artefact) => artefact.table === table)?.reads ?? [];
  return reads.length === 0 ? [] : [`Read from ${reads.map((path) => `\`${path}\``).join(', ')}.`, ''];
}

function tableText(table: Table<never>, paths: readonly string[]): string {
  return [
    `### ${table.name}`, '', table.doc, '', ...sourcesOf(table), paths.map((path) => `\`${path}\``).join(', '), '',
    '| JSONL, SQLite | CSV | kind | in text | meaning |', '|---|---|---|---|---|', ...table.columns.map(columnRow), '',
  ].join('\n');
}

/** The whole page, from one tree. */
export function treePage(root: Node): string {
  const sections = sectionsOf([root], '/');
  const tables = new Map<Table<never>, string[]>();
  for (const { path, groups } of sections) {
    for (const { name, nodes } of groups) {
      const table = nodes[0] === undefined ? undefined : tableOf(nodes[0]);
      if (table !== undefined) tables.set(table, [...tables.get(table) ?? [], path + name]);
    }
  }
  const described = [...tables].map(([table, paths]) => tableText(table, paths));
  return [INTRODUCTION, ...sections.map(sectionText), '## Tables\n', ...described].join('\n');
}

/** The files of a tree that say nothing of themselves, as paths. */
export function undocumented(root: Node): string[] {
  return sectionsOf([root], '/').flatMap(({ path, groups }) =>
    groups.filter((group) => meaning(group) === '').map(({ name }) => path + name));
}
