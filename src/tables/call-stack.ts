import { hex } from '../bytes/hex.js';
import type { Table } from '../vfs/column.js';
import type { CallFrame } from '../windows/call-frame.js';
import { placeText } from '../windows/code-places.js';

/** A frame and its place in the stack. */
export interface FrameRow {
  readonly frame: CallFrame;
  readonly index: number;
}

/** The rows of a stack's frames. */
export function frameRows(frames: readonly CallFrame[]): readonly FrameRow[] {
  return frames.map((frame, index) => ({ frame, index }));
}

/** The calls that a thread is in. */
export const CALL_STACK: Table<FrameRow> = {
  name: 'callstack',
  doc: 'The calls that a thread is in, the innermost first: stack pointer and address of each. Behind a `?` lies what was guessed from the stack, which may be remains of older calls.',
  heading: 'Index              RSP          RetAddr   Module!Function+Disp',
  columns: [
    { name: 'index', csv: 'Index', kind: 'decimal', value: ({ index }) => index, text: { width: 5, align: 'left', show: ({ index }) => hex(index, 2) }, doc: 'place in the stack, in the text hex' },
    { name: 'rsp', csv: 'RSP', kind: 'address', value: ({ frame }) => frame.sp, text: { width: 16, align: 'right' }, doc: 'the stack pointer there' },
    { name: 'ret_addr', csv: 'RetAddr', kind: 'address', value: ({ frame }) => frame.ip, text: { width: 16, align: 'right' }, doc: 'the address: of the first where the thread stands, of the others where the call before returns to' },
    { name: 'sure', csv: 'Sure', kind: 'flag', value: ({ frame }) => frame.sure, text: { width: 1, align: 'left', show: ({ frame }) => (frame.sure ? '' : '?') }, doc: 'not guessed, nor behind a guess' },
    { name: 'call', kind: 'text', value: ({ frame }) => placeText(frame.ip, frame), text: { width: 20, align: 'left' }, doc: 'module, function and offset' },
    { name: 'module', csv: 'Module', kind: 'text', value: ({ frame }) => frame.module?.name, doc: 'the module' },
    { name: 'module_base', csv: 'ModuleBase', kind: 'address', value: ({ frame }) => frame.module?.base, doc: 'where it begins' },
    { name: 'module_kind', csv: 'ModuleKind', kind: 'text', value: ({ frame }) => frame.module?.kind, doc: 'ldr: of the loader\'s lists; not-linked, injected, data: as in modules.txt' },
    { name: 'offset', csv: 'Offset', kind: 'hex', value: ({ frame }) => frame.offset, doc: 'from the module\'s base, without one from the start of the VAD' },
    { name: 'function', csv: 'Function', kind: 'text', value: ({ frame }) => frame.function, doc: 'a symbol of the user\'s or an export of the function, or entry for the entry point; absent where no name is known' },
    { name: 'displacement', csv: 'Displacement', kind: 'hex', value: ({ frame }) => frame.displacement, doc: 'from what the name stands for' },
    { name: 'function_rva', csv: 'FunctionRVA', kind: 'hex', value: ({ frame }) => frame.functionRva, doc: 'where the function begins, by the unwind data, from the module\'s base' },
    { name: 'memory', csv: 'Memory', kind: 'text', value: ({ frame }) => frame.memory, doc: 'what the memory is, where no module is' },
    { name: 'mode', csv: 'Mode', kind: 'text', value: ({ frame }) => (frame.is32 ? '32' : '64'), doc: '32- or 64-bit code' },
    { name: 'found', csv: 'Found', kind: 'text', value: ({ frame }) => frame.source, doc: 'context: saved registers; unwind: unwind data; leaf: top of the stack; ebp: frame pointers; scan: guessed' },
  ],
};
