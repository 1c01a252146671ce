import { hex } from '../../src/bytes/hex.js';
import { STRUCTURE } from '../../src/tables/structure.js';
import { directory } from '../../src/vfs/directory.js';
import { missingXattr } from '../../src/vfs/holes.js';
import type { BytesFile, Directory } from '../../src/vfs/node.js';
import { tableFile, textOf, UNKNOWN } from '../../src/vfs/table.js';
import { safeLine, text } from '../../src/vfs/text.js';
import { memoryWindow } from '../../src/vfs/window.js';
import { addressXattr } from '../../src/vfs/xattr.js';
import { accessRights } from '../../src/windows/access-rights.js';
import { handleOf, type HeldObject } from '../../src/windows/handle.js';
import type { Kernel } from '../../src/windows/kernel.js';
import { bodySize, bodyStructure } from '../../src/windows/object-body.js';
import type { Fact } from '../../src/windows/object-facts.js';
import { headerReader } from '../../src/windows/object-header.js';
import { objectFacts } from '../../src/windows/object-info.js';
import type { ObjectHeader } from '../../src/windows/object.js';
import type { Process } from '../../src/windows/process.js';
import { securityDescriptorText } from '../../src/windows/security-descriptor.js';
import { structureFields } from '../../src/windows/structure-fields.js';
import { objectLinks } from './object-links.js';
import type { TreeServices } from './services.js';

const LABEL_WIDTH = 22;

function factLines(facts: readonly Fact[]): string {
  return facts.map(([label, value]) => `${`${label}:`.padEnd(LABEL_WIDTH)}${safeLine(value ?? UNKNOWN)}\n`).join('');
}

/** What the header says, then the header and what stands before it field by field. */
function headerText(kernel: Kernel, object: ObjectHeader): Uint8Array {
  const { anomalies } = kernel;
  const reader = headerReader(kernel);
  const { header } = object;
  const facts = reader.read(header);
  const optional = reader.optional(header);
  const descriptor = reader.securityDescriptor(header);
  const said = factLines([
    ['Address', hex(header, 16)], ['Type', object.type?.name],
    ['Pointer count', facts && hex(facts.pointers)], ['Handle count', object.handleCount?.toString()],
    ['Optional headers', optional.map(({ structure }) => structure).join(' ') || 'none'],
    ['Security descriptor', descriptor === undefined ? 'none' : anomalies.attempt('security descriptors', () => securityDescriptorText(kernel, descriptor))],
  ]);
  const parts = [{ structure: '_OBJECT_HEADER', address: header }, ...optional].map(({ structure, address }) => {
    const fields = structureFields(kernel, structure, address);
    const body = fields.length === 0 ? Buffer.from('(its layout is not known)\n') : textOf(STRUCTURE, fields);
    return Buffer.concat([Buffer.from(`\n${structure} at ${hex(address, 16)}\n`), body]);
  });
  return Buffer.concat([Buffer.from(said), ...parts]);
}

/** What the handle and its object mean. */
function infoText(process: Process, held: HeldObject, object: ObjectHeader): string {
  const { kernel, anomalies, where } = process;
  const { type, name, path, access, handleCount } = handleOf(process, held);
  const facts = anomalies.attempt(`${where} handles`, () => objectFacts(kernel, object));
  return factLines([
    ['Handle', `0x${hex(held.value)}`], ['Type', object.type === undefined ? undefined : type], ['Name', name || 'none'],
    ...(path === undefined || path === name ? [] : [['Path', path]] as const),
    ['Access', `0x${hex(access)}${access === 0 ? '' : ` ${accessRights(type, access)}`}`], ['Handles to it', handleCount?.toString()],
    ...facts ?? [['Body', undefined]],
  ]);
}

/** An open handle: its object's header and body as they are, what they mean, and links to the object's own place in the tree. */
export function handleDirectory(process: Process, held: HeldObject, services: TreeServices): Directory {
  const { kernel } = process;
  const { header: object, body } = held;
  const xattrs = (): Readonly<Record<string, string>> => addressXattr(body);
  const type = object?.type?.name;
  const structure = type === undefined ? undefined : bodyStructure(kernel, type);
  const missing = (size: number): Readonly<Record<string, string>> => ({ ...addressXattr(body), ...missingXattr(kernel.memory.fill(body, Buffer.alloc(size))) });
  return directory({
    'info.txt': object && text(() => infoText(process, held, object), { doc: 'what the handle allows, and what its object means', xattrs }),
    'obj-address.txt': text(() => hex(body, 16), { doc: 'virtual address of the object\'s body' }),
    'obj-data.mem': object && (() => {
      const size = bodySize(kernel, object);
      return memoryWindow(kernel.memory, body, size, { doc: 'the object\'s body as it lies in memory', xattrs: () => missing(size) });
    }),
    'obj-data.txt': structure === undefined ? undefined : tableFile(STRUCTURE, () => structureFields(kernel, structure, body), {
      cost: 'slow', doc: 'the object\'s body, field by field', xattrs,
    }),
    'obj-header.txt': object && headerFile(kernel, object),
    'obj-type.txt': type === undefined ? undefined : text(() => type, { doc: 'the object\'s type' }),
    ...objectLinks(process, held, services),
  }, { xattrs });
}

function headerFile(kernel: Kernel, object: ObjectHeader): BytesFile {
  return {
    kind: 'bytes', cost: 'quick', render: () => headerText(kernel, object),
    doc: 'the object\'s header: counts, type, security descriptor as SDDL, and the optional headers before it', xattrs: () => addressXattr(object.header),
  };
}
