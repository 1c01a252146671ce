import type { Architecture, Registers } from './dump.js';

/** A register's place in CONTEXT and its bytes. */
type Place = readonly [name: string, offset: number, bytes: 2 | 4 | 8];

interface ContextLayout {
  /** Bytes. */
  readonly size: number;
  readonly flagsAt: number;
  /** CONTEXT_CONTROL and CONTEXT_INTEGER of the architecture, with its own bit. */
  readonly control: number;
  readonly integer: number;
  /** Those without which CONTEXT_CONTROL is not said. */
  readonly needed: readonly string[];
  readonly places: readonly Place[];
}

const rows = (first: number, bytes: 4 | 8, names: readonly string[]): readonly Place[] => names.map((name, i) => [name, first + i * bytes, bytes]);

/** `CONTEXT` of the three architectures (winnt.h). */
const LAYOUTS: Readonly<Record<Architecture, ContextLayout>> = {
  x64: {
    size: 0x4d0, flagsAt: 0x30, control: 0x10_0001, integer: 0x10_0002, needed: ['Rip', 'Rsp'],
    places: [
      ['SegCs', 0x38, 2], ['SegDs', 0x3a, 2], ['SegEs', 0x3c, 2], ['SegFs', 0x3e, 2], ['SegGs', 0x40, 2], ['SegSs', 0x42, 2], ['EFlags', 0x44, 4],
      ...rows(0x78, 8, ['Rax', 'Rcx', 'Rdx', 'Rbx', 'Rsp', 'Rbp', 'Rsi', 'Rdi', 'R8', 'R9', 'R10', 'R11', 'R12', 'R13', 'R14', 'R15', 'Rip']),
    ],
  },
  x86: {
    size: 0x2cc, flagsAt: 0, control: 0x1_0001, integer: 0x1_0002, needed: ['Eip', 'Esp'],
    places: [
      ...rows(0x8c, 4, ['SegGs', 'SegFs', 'SegEs', 'SegDs', 'Edi', 'Esi', 'Ebx', 'Edx', 'Ecx', 'Eax', 'Ebp', 'Eip', 'SegCs', 'EFlags', 'Esp', 'SegSs']),
    ],
  },
  arm64: {
    size: 0x390, flagsAt: 0, control: 0x40_0001, integer: 0x40_0002, needed: ['Pc', 'Sp'],
    places: [
      ['Cpsr', 4, 4], ...rows(8, 8, [...Array.from({ length: 29 }, (_, i) => `X${i}`), 'Fp', 'Lr', 'Sp', 'Pc']),
    ],
  },
};

/** Those that belong to CONTEXT_CONTROL; others are CONTEXT_INTEGER. */
const CONTROL = new Set(['Rip', 'Rsp', 'SegCs', 'SegSs', 'EFlags', 'Eip', 'Esp', 'Ebp', 'Pc', 'Sp', 'Fp', 'Lr', 'Cpsr']);

/** The names of registers that a dump of an architecture has a place for. */
export function registerNames(architecture: Architecture): readonly string[] {
  return LAYOUTS[architecture].places.map(([name]) => name);
}

/** A `CONTEXT`. Its flags say what is known: none where no registers are. */
export function context(architecture: Architecture, registers: Registers | undefined): Buffer {
  const { size, flagsAt, control, integer, needed, places } = LAYOUTS[architecture];
  const bytes = Buffer.alloc(size);
  const known = registers !== undefined && needed.every((name) => registers.has(name));
  const own = control & ~1;
  let flags = own;
  if (known) {
    flags |= control;
    for (const [name, at, width] of places) {
      const value = registers.get(name);
      if (value === undefined) continue;
      if (width === 8) bytes.writeBigUInt64LE(BigInt.asUintN(64, value), at);
      else bytes.writeUIntLE(Number(BigInt.asUintN(width * 8, value)), at, width);
      if (!CONTROL.has(name)) flags |= integer;
    }
  }
  bytes.writeUInt32LE(flags >>> 0, flagsAt);
  return bytes;
}
