import { importHash } from '../pe/imphash.js';
import { imports } from '../pe/import.js';
import { moduleFile } from '../windows/module-file.js';
import type { Module } from '../windows/module.js';
import type { Process } from '../windows/process.js';

/** What tells a module's image from others; takes reading all of it. */
export interface ModuleHashes {
  /** TimeDateStamp of the file header, as stored. */
  readonly timestamp: number;
  /** Undefined without imports, or when a name of one is not in memory. */
  readonly imphash: string | undefined;
  /** Of the rebuilt file. */
  readonly sha256: string;
  /** Bytes of the rebuilt file that are not in the image. */
  readonly missing: number;
}

/** The hashes of a module, reckoned when first asked for; undefined when its headers are not in memory. */
export function moduleHashes(process: Process, module: Module): () => ModuleHashes | undefined {
  let known: { readonly hashes: ModuleHashes | undefined } | undefined;
  return () => (known ??= { hashes: read(process, module) }).hashes;
}

function read(process: Process, module: Module): ModuleHashes | undefined {
  return process.anomalies.attempt(`${process.where} modules`, () => {
    const file = moduleFile(process, module);
    if (file === undefined) return undefined;
    return {
      timestamp: file.header.timestamp,
      imphash: importHash(imports(process.memory, module.base, file.header)),
      ...file.digest(),
    };
  });
}
