import type { Column, Table } from '../src/vfs/column.js';
import type { Node } from '../src/vfs/node.js';

/** Names of one shape in a directory, and the nodes that bear them. */
interface Group {
  readonly name: string;
  readonly nodes: Node[];
}

/** A page's directory: what `ls` shows, without what the image alone decides. */
interface Section {
  readonly path: string;
  readonly doc: string | undefined;
  readonly groups: readonly Group[];
}

const INTRODUCTION = `# The tree

Every directory that a mount shows, and what each file holds. A name in angle brackets comes from the image. This page is made from the tree
itself by \`npm run docs\`; do not edit it.

Every table \`x.txt\` also answers to \`x.csv\` and \`x.jsonl\` in the same directory; these twins are not listed. Its columns are below, under
[Tables](#tables).
`;

/** A table's cell in Markdown. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}

function tableOf(node: Node): Table<never> | undefined {
  return node.kind === 'bytes' || node.kind === 'host' ? node.table : undefined;
}

/** What a node holds, in one line. */
function meaning(node: Node): string {
  if (node.doc !== undefined) return node.doc;
  if (node.kind === 'link') return `link to \`${node.target}\``;
  return tableOf(node)?.doc ?? '';
}

/** What all nodes of one kind list, by shape of name, in the order of first sight. */
function groupsOf(nodes: readonly Node[]): Group[] {
  const groups = new Map<string, Group>();
  for (const node of nodes) {
    if (node.kind !== 'directory') continue;
    for (const [given, child] of node.entries()) {
      const name = child.pattern ?? given;
      const group = groups.get(name);
      if (group === undefined) groups.set(name, { name, nodes: [child] });
      else group.nodes.push(child);
    }
  }
  return [...groups.values()];
}

/** All kinds of directories, each once: a directory inside one of its own kind (a key in a key) is not gone into. */
function sectionsOf(nodes: readonly Node[], path: string, above: readonly string[]): Section[] {
  const groups = groupsOf(nodes);
  const section = { path, doc: nodes[0]?.doc, groups };
  const below = groups.flatMap((group) => {
    const [first] = group.nodes;
    if (first?.kind !== 'directory' || (first.pattern !== undefined && above.includes(first.pattern))) return [];
    return sectionsOf(group.nodes, `${path}${group.name}/`, first.pattern === undefined ? above : [...above, first.pattern]);
  });
  return [section, ...below];
}

function sectionText({ path, doc, groups }: Section): string {
  const rows = groups.map(({ name, nodes }) => {
    const [node] = nodes;
    const shown = node?.kind === 'directory' ? `${name}/` : name;
    return `| \`${shown.replaceAll('|', '\\|')}\` | ${node === undefined ? '' : cell(meaning(node))} |`;
  });
  return [`## \`${path}\``, '', ...(doc === undefined ? [] : [doc, '']), '| name | what it holds |', '|---|---|', ...rows, ''].join('\n');
}

/** Where a column's value goes: its name, and its CSV heading when there is one. */
function columnRow(column: Column<never>): string {
  const csv = column.csv === undefined ? '' : `\`${column.csv}\``;
  return `| \`${column.name}\` | ${csv} | ${column.kind} | ${column.text === undefined ? '' : 'yes'} | ${cell(column.doc)} |`;
}

function tableText(table: Table<never>, paths: readonly string[]): string {
  return [
    `### ${table.name}`, '', table.doc, '', paths.map((path) => `\`${path}\``).join(', '), '',
    '| JSONL, SQLite | CSV | kind | in text | meaning |', '|---|---|---|---|---|', ...table.columns.map(columnRow), '',
  ].join('\n');
}

/** The whole page, from one tree. */
export function treePage(root: Node): string {
  const sections = sectionsOf([root], '/', []);
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
  return sectionsOf([root], '/', []).flatMap(({ path, groups }) =>
    groups.filter(({ nodes }) => nodes.every((node) => meaning(node) === '')).map(({ name }) => path + name));
}
