import type { Table } from '../../src/vfs/column.js';
import { directory } from '../../src/vfs/directory.js';
import type { Directory } from '../../src/vfs/node.js';
import { tableFile } from '../../src/vfs/table.js';
import type { OpenedWindows } from '../../src/windows/open.js';
import { neededSymbols, type NeededSymbols } from '../symbols-needed.js';
import type { SymbolSettings } from '../symbols.js';

export const neededTable: Table<NeededSymbols> = {
  name: 'needed',
  doc: 'The symbol files that the image asks for, what each would add, and whether it is there. Put them into a folder and name it with `--symbols`.',
  heading: 'State   Module           Symbol File      GUID                             Age URL                                                                                              Adds                                                             Path',
  columns: [
    { name: 'state', csv: 'State', kind: 'text', value: ({ state }) => state, text: { width: 7, align: 'left' }, doc: 'bundled: built in; file: found in a folder; missing.' },
    { name: 'module', csv: 'Module', kind: 'text', value: ({ module }) => module, text: { width: 16, align: 'left' }, doc: 'The module that it is of.' },
    { name: 'name', csv: 'Name', kind: 'text', value: ({ wanted }) => wanted.pdbName, text: { width: 16, align: 'left' }, doc: 'Name of the symbol file.' },
    { name: 'guid', csv: 'GUID', kind: 'text', value: ({ wanted }) => wanted.guid, text: { width: 32, align: 'left' }, doc: 'Its GUID.' },
    { name: 'age', csv: 'Age', kind: 'decimal', value: ({ wanted }) => wanted.age, text: { width: 3, align: 'right' }, doc: 'Its age.' },
    { name: 'url', csv: 'URL', kind: 'text', value: ({ url }) => url ?? '', text: { width: 96, align: 'left' }, doc: 'Where the symbol server has it. Nothing is fetched unless `--symbols=download` asks for it.' },
    { name: 'adds', csv: 'Adds', kind: 'text', value: ({ adds }) => adds, text: { width: 64, align: 'left' }, doc: 'What is better with it.' },
    { name: 'path', csv: 'Path', kind: 'text', value: ({ path }) => path ?? '', text: { width: 0, align: 'left' }, doc: 'The file, where there is one.' },
  ],
};

/** `symbols/`. */
export function symbolsDirectory(opened: OpenedWindows, settings: SymbolSettings): Directory {
  return directory({ 'needed.txt': tableFile(neededTable, () => neededSymbols(opened, settings), { cost: 'slow' }) }, { doc: 'symbol files that would help with this image' });
}
