import { basename } from 'node:path';
import { FormatError } from '../bytes/errors.js';
import { withFile } from './file-source.js';
import { isfIdentity, isfTable, isfText, isIsf, MOST_ISF_BYTES } from './isf.js';
import { isMsf } from './msf.js';
import { pdbIdentity, pdbTable } from './pdb.js';
import type { SymbolTable } from './symbol-table.js';

/** What a file is the symbols of. */
export interface FileIdentity {
  readonly guid: string;
  /** All that it may be asked for by. */
  readonly ages: readonly number[];
}

/** `ntkrnlmp.pdb`, `89284D….json.xz`: what symbols are kept in. */
export const SYMBOL_FILE = /\.(pdb|json|json\.xz|json\.gz)$/i;
const NAMED_BY_ID = /^([0-9a-f]{32})-(\d{1,9})\.json/i;

/** The GUID and age that the name says, as Volatility names its tables. */
export function identityByName(path: string): FileIdentity | undefined {
  const [, guid, age] = NAMED_BY_ID.exec(basename(path)) ?? [];
  return guid === undefined ? undefined : { guid: guid.toUpperCase(), ages: [Number(age)] };
}

/** The GUID and age that a file itself says; undefined when it is no symbol file. A PDB's head is read; of an ISF file all. */
export function fileIdentity(path: string): FileIdentity | undefined {
  return withFile(path, (source) => {
    const start = source.read(0, Math.min(64, source.size)) ?? Buffer.alloc(0);
    try {
      if (isMsf(start)) {
        const { guid, age, fileAge } = pdbIdentity(source);
        return { guid, ages: [...new Set([age, fileAge])] };
      }
      const file = isIsf(start) && source.size <= MOST_ISF_BYTES ? source.read(0, source.size) : undefined;
      const found = file === undefined ? undefined : isfIdentity(isfText(file));
      return found === undefined ? undefined : { guid: found.guid, ages: [found.age] };
    } catch (error) {
      if (error instanceof FormatError) return undefined;
      throw error;
    }
  });
}

/** Reads a symbol file of any kind. @throws FormatError when it is none or is damaged */
export function readSymbolFile(path: string, pdbName: string): SymbolTable {
  return withFile(path, (source) => {
    if (isMsf(source.read(0, Math.min(64, source.size)) ?? Buffer.alloc(0))) return pdbTable(source, pdbName);
    if (source.size > MOST_ISF_BYTES) throw new FormatError(`a symbol file of ${source.size} bytes`);
    return isfTable(source.read(0, source.size) ?? Buffer.alloc(0));
  });
}
