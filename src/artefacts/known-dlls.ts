import { artefact } from './artefact.js';
import { inControlSet, WHERE, type Found } from './found.js';
import { plainTable, text } from './plain-table.js';

interface KnownDll extends Found {
  readonly name: string;
  readonly dll: string;
}

/** DLLs that Windows maps once at start and takes from its own folder only. */
export const KNOWN_DLLS = artefact<KnownDll>({
  reads: ['SYSTEM\\<control set>\\Control\\Session Manager\\KnownDLLs'],
  table: plainTable({
    name: 'known_dlls',
    doc: 'DLLs that Windows maps once at start, and that programs get from its folder whatever lies beside them. One that is missing here can be planted.',
    columns: [
      text('name', (r) => r.name, 'name of the value; DllDirectory and DllDirectory32 name the folders', 16),
      text('dll', (r) => r.dll, 'the file', 24),
      ...WHERE,
    ],
  }),
  * rows(set) {
    for (const found of inControlSet(set, 'Control\\Session Manager\\KnownDLLs')) {
      for (const value of found.key.values()) {
        const dll = value.text();
        if (dll !== undefined) yield { ...found, name: value.name, dll };
      }
    }
  },
});
