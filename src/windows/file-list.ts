import { fileContent, type FileContent } from './file-content.js';
import { handleEntries, tableOwner } from './handle-table.js';
import type { Kernel } from './kernel.js';
import { objectManager } from './object.js';
import type { Process } from './process.js';

/** A file of a process. */
export interface ProcessFile {
  readonly content: FileContent;
  /** It has a handle to it. */
  readonly handle: boolean;
  /** It is mapped. */
  readonly vad: boolean;
}

/** Addresses of the file objects that a process holds handles to, in the order of the handles, each once. */
export function handleFiles(process: Process): readonly bigint[] {
  return [...new Set(process.handles().filter(({ type }) => type === 'File').map(({ object }) => object))];
}

/** Addresses of the file objects that a process has mapped, in the order of their addresses there, each once. */
export function vadFiles(process: Process): readonly bigint[] {
  return [...new Set(process.vads().flatMap(({ fileObject }) => (fileObject === undefined ? [] : [fileObject])))];
}

/** The objects of the process asked for last: whoever looks up one file of it looks up others. */
const held = new WeakMap<Kernel, { readonly process: Process; readonly objects: ReadonlySet<bigint> }>();

/** Whether a process holds a handle to an object: as a look at the entries alone says, without reading what they lead to. */
export function holdsHandle(process: Process, object: bigint): boolean {
  const { kernel } = process;
  let known = held.get(kernel);
  if (known?.process !== process) held.set(kernel, known = { process, objects: new Set(heldObjects(process)) });
  return known.objects.has(object);
}

function* heldObjects(process: Process): Generator<bigint> {
  const { kernel, facts, where } = process;
  if (facts.objectTable === undefined) return;
  // As with its handles: an ended process's table is gone, and its memory may be another's by now.
  if (process.terminated && tableOwner(kernel, facts.objectTable) !== process.address) return;
  const manager = objectManager(kernel);
  for (const { pointer } of handleEntries(kernel, facts.objectTable, `${where} handles`)) yield manager.body(pointer);
}

/** Whether a process has mapped the file of a file object. */
export function mapsFile(process: Process, object: bigint): boolean {
  return process.vads().some(({ fileObject }) => fileObject === object);
}

/** The files that a process has open or mapped, each once, with or without content: those with handles first. */
export function* processFiles(process: Process): Generator<ProcessFile> {
  const handles = new Set(handleFiles(process));
  const vads = new Set(vadFiles(process));
  for (const address of new Set([...handles, ...vads])) {
    const content = fileContent(process.kernel, address);
    if (content !== undefined) yield { content, handle: handles.has(address), vad: vads.has(address) };
  }
}
