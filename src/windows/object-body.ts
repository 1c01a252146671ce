import type { Kernel } from './kernel.js';
import type { ObjectHeader } from './object.js';
import { headerReader } from './object-header.js';
import { poolGranule, poolHeaders, tagText } from './pool.js';

/** The structure of a type's bodies, where a symbol table may know it; the first that the profile has. Types not named here have none in symbols of kernels. */
const STRUCTURES: Readonly<Record<string, readonly string[]>> = {
  'ALPC Port': ['_ALPC_PORT'], Adapter: ['_ADAPTER_OBJECT'], Callback: ['_CALLBACK_OBJECT'], Controller: ['_CONTROLLER_OBJECT'], DebugObject: ['_DEBUG_OBJECT'],
  Desktop: ['tagDESKTOP'], Device: ['_DEVICE_OBJECT'], Directory: ['_OBJECT_DIRECTORY'], Driver: ['_DRIVER_OBJECT'], EtwRegistration: ['_ETW_REG_ENTRY'],
  Event: ['_KEVENT'], File: ['_FILE_OBJECT'], IoCompletion: ['_KQUEUE'], Job: ['_EJOB'], Key: ['_CM_KEY_BODY'], Mutant: ['_KMUTANT'], Partition: ['_EPARTITION'],
  Process: ['_EPROCESS'], Profile: ['_EPROFILE'], Section: ['_SECTION', '_SECTION_OBJECT'], Semaphore: ['_KSEMAPHORE'], SymbolicLink: ['_OBJECT_SYMBOLIC_LINK'],
  Thread: ['_ETHREAD'], Timer: ['_ETIMER'], TmEn: ['_KENLISTMENT'], TmRm: ['_KRESOURCEMANAGER'], TmTm: ['_KTM'], TmTx: ['_KTRANSACTION'], Token: ['_TOKEN'],
  Type: ['_OBJECT_TYPE'], WindowStation: ['tagWINDOWSTATION'],
};
/** Shown of a body whose size nothing tells. */
const UNKNOWN_SIZE = 0x100;
/** No body is larger; a pool header that says more is believed no further. */
const MAX_SIZE = 0x1_0000;

/** The structure that the profile knows of a type's bodies: `_FILE_OBJECT`; undefined when it knows none. */
export function bodyStructure({ profile }: Kernel, type: string): string | undefined {
  return (Object.hasOwn(STRUCTURES, type) ? STRUCTURES[type] : undefined)?.find((name) => profile.sizeOf(name) !== undefined);
}

/** Bytes of an object's body: its structure's, else what is left of its pool block, else as many as are worth a look. */
export function bodySize(kernel: Kernel, { header, body, type }: ObjectHeader): number {
  const structure = type === undefined ? undefined : bodyStructure(kernel, type.name);
  const size = structure === undefined ? undefined : kernel.profile.sizeOf(structure);
  if (size !== undefined) return Math.min(size, MAX_SIZE);
  const before = headerReader(kernel).read(header)?.before;
  const pool = poolHeaders(kernel);
  const block = before === undefined ? undefined : header - BigInt(before.bytes + pool.size);
  const facts = block === undefined ? undefined : pool.read(kernel.memory, block);
  if (block === undefined || facts === undefined || type === undefined || tagText(facts.tag) !== tagText(Buffer.from(type.tag, 'latin1').readUInt32LE(0))) return UNKNOWN_SIZE;
  const left = Number(block - body) + facts.blockSize * poolGranule(kernel);
  return left > 0 && left <= MAX_SIZE ? left : UNKNOWN_SIZE;
}
