/** A function to be, with its unwind information and code. */
export interface FunctionSpec {
  readonly begin: number;
  readonly end: number;
  /** Bytes of its UNWIND_INFO; a number: the RVA of one that is elsewhere. */
  readonly info: Buffer | number;
  readonly code?: Buffer;
}

/** One slot of the codes: the offset behind the instruction, the operation and its operand, and the slots that follow. */
export type CodeSpec = readonly [after: number, op: number, info: number, ...slots: readonly number[]];

export interface InfoSpec {
  readonly version?: number;
  readonly prolog?: number;
  readonly frameRegister?: number;
  /** In units of sixteen bytes. */
  readonly frameOffset?: number;
  readonly codes?: readonly CodeSpec[];
  readonly chained?: { readonly begin: number; readonly end: number; readonly unwind: number };
  /** Another count than there are. */
  readonly count?: number;
}

/** The bytes of an `UNWIND_INFO`. */
export function unwindBytes({ version = 1, prolog = 0, frameRegister = 0, frameOffset = 0, codes = [], chained, count }: InfoSpec): Buffer {
  const slots = codes.flatMap(([after, op, info, ...more]) => [after | (op | info << 4) << 8, ...more]);
  const bytes = Buffer.alloc(4 + (slots.length + (slots.length % 2)) * 2 + (chained === undefined ? 0 : 12));
  bytes.writeUInt8(version | (chained === undefined ? 0 : 4 << 3), 0);
  bytes.writeUInt8(prolog, 1);
  bytes.writeUInt8(count ?? slots.length, 2);
  bytes.writeUInt8(frameRegister | frameOffset << 4, 3);
  slots.forEach((slot, i) => bytes.writeUInt16LE(slot, 4 + i * 2));
  if (chained !== undefined) [chained.begin, chained.end, chained.unwind].forEach((value, i) => bytes.writeUInt32LE(value, bytes.length - 12 + i * 4));
  return bytes;
}

export const TABLE_RVA = 0x4000;
const INFOS_RVA = 0x5000;

/** The exception table at TABLE_RVA and what it leads to, as pieces of an image; where each function's information lies. */
export function exceptionPieces(functions: readonly FunctionSpec[]): { readonly pieces: readonly { readonly rva: number; readonly bytes: Buffer }[]; readonly infos: readonly number[]; readonly size: number } {
  const table = Buffer.alloc(functions.length * 12);
  const pieces: { rva: number; bytes: Buffer }[] = [{ rva: TABLE_RVA, bytes: table }];
  const infos: number[] = [];
  let next = INFOS_RVA;
  functions.forEach(({ begin, end, info, code }, i) => {
    const at = typeof info === 'number' ? info : next;
    infos.push(at);
    if (typeof info !== 'number') {
      pieces.push({ rva: at, bytes: info });
      next += (info.length + 3) & ~3;
    }
    if (code !== undefined) pieces.push({ rva: begin, bytes: code });
    [begin, end, at].forEach((value, j) => table.writeUInt32LE(value, i * 12 + j * 4));
  });
  return { pieces, infos, size: table.length };
}
