/** Where the variables are that RtlGetUnloadEventTraceEx answers with. */
export interface TraceVariables {
  /** RtlpUnloadEventTraceExSize. */
  readonly size: bigint;
  /** RtlpUnloadEventTraceExNumber. */
  readonly count: bigint;
  /** RtlpUnloadEventTraceEx, a pointer to the ring. */
  readonly trace: bigint;
}

const unsigned = (address: bigint, pointer: 4 | 8): bigint => BigInt.asUintN(pointer * 8, address);

/**
 * The address that a function of the form `return &array` answers: RtlGetUnloadEventTrace. Undefined when it has another form.
 * @param code its first bytes, which lie at `address`
 */
export function traceArray(code: Buffer, address: bigint, pointer: 4 | 8): bigint | undefined {
  if (pointer === 8) {
    // lea rax, [rip+disp]; ret
    const at = skipMarker(code);
    if (at + 8 > code.length || code.readUIntBE(at, 3) !== 0x48_8d_05 || code[at + 7] !== 0xc3) return undefined;
    return unsigned(address + BigInt(at + 7 + code.readInt32LE(at + 3)), 8);
  }
  // mov edi, edi, for patching; mov eax, imm; ret
  const at = code.length >= 2 && code.readUInt16BE(0) === 0x8bff ? 2 : 0;
  return at + 6 <= code.length && code[at] === 0xb8 && code[at + 5] === 0xc3 ? BigInt(code.readUInt32LE(at + 1)) : undefined;
}

/** Three addresses, each stored where a parameter says: RtlGetUnloadEventTraceEx. Undefined when its code has another form. */
export function traceVariables(code: Buffer, address: bigint, pointer: 4 | 8): TraceVariables | undefined {
  const stored = pointer === 8 ? storedBy64(code, address) : storedBy32(code);
  const [size, count, trace] = [0, 1, 2].map((parameter) => stored.get(parameter));
  return size === undefined || count === undefined || trace === undefined ? undefined : { size, count, trace };
}

/** `endbr64`, where the linker marks what may be called. */
function skipMarker(code: Buffer): number {
  return code.length >= 4 && code.readUInt32BE(0) === 0xf3_0f_1e_fa ? 4 : 0;
}

/** The registers of the first three parameters (x64 calling convention), by number: rcx, rdx, r8. */
const PARAMETERS: ReadonlyMap<number, number> = new Map([[1, 0], [2, 1], [8, 2]]);

/** `lea reg, [rip+disp]` and `mov [parameter], reg` up to the return. */
function storedBy64(code: Buffer, address: bigint): Map<number, bigint> {
  const registers = new Map<number, bigint>();
  const stored = new Map<number, bigint>();
  for (let at = skipMarker(code); at + 3 <= code.length;) {
    const [rex = 0, opcode, modrm = 0] = code.subarray(at, at + 3);
    if ((rex & 0xf8) !== 0x48) break;
    const reg = ((modrm >> 3) & 7) | ((rex & 4) << 1);
    const rm = (modrm & 7) | ((rex & 1) << 3);
    if (opcode === 0x8d && (modrm & 0xc7) === 5 && at + 7 <= code.length) {
      registers.set(reg, unsigned(address + BigInt(at + 7 + code.readInt32LE(at + 3)), 8));
      at += 7;
    } else if (opcode === 0x89 && (modrm & 0xc0) === 0 && PARAMETERS.has(rm)) {
      const value = registers.get(reg);
      if (value !== undefined) stored.set(PARAMETERS.get(rm) ?? 0, value);
      at += 3;
    } else {
      break;
    }
  }
  return stored;
}

/** `mov reg, [ebp+8+4n]` (or `[esp+4+4n]`) and `mov dword [reg], imm` up to the return. */
function storedBy32(code: Buffer): Map<number, bigint> {
  const registers = new Map<number, number>();
  const stored = new Map<number, bigint>();
  for (let at = 0; at + 6 <= code.length;) {
    const [opcode, modrm = 0, sib, displacement = 0] = code.subarray(at, at + 4);
    if (opcode === 0x8b && (modrm & 0xc7) === 0x45) {
      registers.set((modrm >> 3) & 7, ((sib ?? 0) - 8) / 4);
      at += 3;
    } else if (opcode === 0x8b && (modrm & 0xc7) === 0x44 && sib === 0x24) {
      registers.set((modrm >> 3) & 7, (displacement - 4) / 4);
      at += 4;
    } else if (opcode === 0xc7 && (modrm & 0xf8) === 0) {
      const parameter = registers.get(modrm & 7);
      if (parameter !== undefined) stored.set(parameter, BigInt(code.readUInt32LE(at + 2)));
      at += 6;
    } else if (opcode === 0x8b && (modrm === 0xff || modrm === 0xec)) {
      at += 2;
    } else if (opcode === 0x55) {
      at += 1;
    } else {
      break;
    }
  }
  return stored;
}
