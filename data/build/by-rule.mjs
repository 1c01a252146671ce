// Layouts that follow from others by a rule, for kernels whose symbols are in no public table.
import { buildOf, ARM64, X64, X86 } from './sources.mjs';

/** A structure that the layouts before and after have alike and one in between does not list: taken over. */
export function filled(layouts) {
  const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
  return layouts.map((layout) => {
    const others = layouts.filter(({ machine, kind }) => machine === layout.machine && kind === layout.kind);
    const older = others.filter(({ version }) => buildOf(version) < buildOf(layout.version)).sort((a, b) => buildOf(b.version) - buildOf(a.version))[0];
    const newer = others.filter(({ version }) => buildOf(version) > buildOf(layout.version)).sort((a, b) => buildOf(a.version) - buildOf(b.version))[0];
    if (older === undefined || newer === undefined) return layout;
    const missing = Object.entries(older.structs).filter(([name, struct]) => layout.structs[name] === undefined && same(struct, newer.structs[name]));
    return missing.length === 0 ? layout : { ...layout, structs: { ...layout.structs, ...Object.fromEntries(missing) } };
  });
}

/**
 * Windows 8 alone has `_MM_AVL_NODE`, which no source lists: the links that `_MMADDRESS_NODE` of Windows 7 begins with, without the page numbers
 * behind them. That `_MMVAD_SHORT.StartingVpn` follows the node at three pointers confirms it.
 */
export function withAvlNode(layout) {
  const short = layout.structs['_MMVAD_SHORT'];
  const node = short?.[1].find(([name, , type]) => name === 'VadNode' && type === '_MM_AVL_NODE');
  if (node === undefined) return layout;
  const [pointer, integer] = layout.machine === X86 ? [4, 'long'] : [8, 'long long'];
  const next = short[1].find(([name]) => name === 'StartingVpn')[1];
  if (next !== 3 * pointer) throw new Error(`_MM_AVL_NODE of ${layout.version} has ${next} bytes`);
  const links = [
    ['u1.Balance', 0, `${integer}:0,2`], ['u1.Parent', 0, '*_MM_AVL_NODE'], ['LeftChild', pointer, '*_MM_AVL_NODE'], ['RightChild', 2 * pointer, '*_MM_AVL_NODE'],
  ];
  return { ...layout, structs: { ...layout.structs, _MM_AVL_NODE: [next, links] } };
}

/** Other ones on ARM64. */
const OF_THE_PROCESSOR = ['_KPCR', '_KPRCB', '_KTRAP_FRAME', '_CONTEXT', '_KIDTENTRY64', '_KGDTENTRY64', '_KEXCEPTION_FRAME'];

/**
 * ARM64 kernels differ from x64 ones of the same build in the processor's own structures. The published offsets of both say how far the
 * process moves, for `_KPROCESS` before it has another size: `SectionObject` says it, and `ObjectTable` must agree. Of `_KTHREAD` only what the
 * published offsets confirm is kept, and nothing of `_ETHREAD` behind it.
 *
 * @param layout of x64
 * @param ids the kernel files by timestamp, with their offsets
 */
export function forArm64(layout, { rows, fields }) {
  const offsets = (arch) => {
    const row = rows.filter(([at, file, version]) => at === arch && file === 'ntoskrnl.exe' && buildOf(version) === buildOf(layout.version)).at(-1);
    return row === undefined ? undefined : fields[row[5]];
  };
  const arm = offsets('arm64');
  const x64 = offsets('amd64');
  if (arm === undefined || x64 === undefined) return undefined;
  const move = arm.EpSectionObject - x64.EpSectionObject;
  const [processSize, process] = layout.structs['_EPROCESS'];
  const [headSize, head] = layout.structs['_KPROCESS'];
  const [threadSize, thread] = layout.structs['_KTHREAD'];
  const found = process.find(([name]) => name === 'ObjectTable')[1];
  if (found !== x64.EpObjectTable) throw new Error(`${layout.version}: ObjectTable at ${found}, published ${x64.EpObjectTable}`);
  // ARM64 has no local descriptor table: the pointer to it (a spare one in later 17763, gone in 18362) is missing, too.
  const ldt = process.find(([name]) => name === 'LdtInformation' || name === 'Spare0')?.[1] ?? Number.POSITIVE_INFINITY;
  const moved = (offset) => (offset < headSize ? offset : offset > ldt ? offset + move - 8 : offset + move);
  if (moved(found) !== arm.EpObjectTable) throw new Error(`${layout.version}: ObjectTable of ARM64 at ${moved(found)}, published ${arm.EpObjectTable}`);
  const lastSure = head.find(([name]) => name === 'ThreadListHead')[1];
  const stack = thread.find(([name]) => name === 'KernelStack')[1];
  const counts = arm.KtReadOperationCount - x64.KtReadOperationCount;
  const counted = /^(Read|Write|Other)(Operation|Transfer)Count$/;
  const structs = Object.fromEntries(Object.entries(layout.structs).filter(([name]) => !OF_THE_PROCESSOR.includes(name)));
  return {
    version: layout.version, machine: ARM64, source: `${layout.source}, ARM64 by rule`, kind: '',
    structs: {
      ...structs,
      _EPROCESS: [moved(processSize), process.filter(([, offset]) => offset !== ldt).map(([name, offset, type]) => [name, moved(offset), type])],
      _KPROCESS: [headSize + move, head.filter(([, offset]) => offset <= lastSure)],
      _KTHREAD: [threadSize + counts, thread.flatMap(([name, offset, type]) => (
        offset <= stack ? [[name, offset, type]] : counted.test(name) ? [[name, offset + counts, type]] : []))],
      _ETHREAD: [layout.structs['_ETHREAD'][0] + counts, [['Tcb', 0, '_KTHREAD']]],
    },
  };
}

/** 26H1: the short VAD is eight bytes longer (a spin lock and a quota tracker), what follows it in `_MMVAD` moves; else as 24H2. */
export function build28000(layout) {
  const grow = (after) => ([size, fields]) => [size + 8, fields.map(([name, offset, type]) => [name, offset >= after ? offset + 8 : offset, type])];
  const end = layout.structs['_MMVAD_SHORT'][0];
  return {
    ...layout, version: '10.0.28000.1', source: `${layout.source}, 26H1 by rule`, machine: X64,
    structs: { ...layout.structs, _MMVAD_SHORT: grow(end)(layout.structs['_MMVAD_SHORT']), _MMVAD: grow(end)(layout.structs['_MMVAD']) },
  };
}
