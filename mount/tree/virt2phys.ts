import { hex } from '../../src/bytes/hex.js';
import { directory } from '../../src/vfs/directory.js';
import type { BytesFile, Directory } from '../../src/vfs/node.js';
import { text } from '../../src/vfs/text.js';
import type { Process } from '../../src/windows/process.js';
import { tableNames, translation, type Translation } from '../../src/windows/translation.js';
import { AddressStates, addressFile } from './address-state.js';

const README = `Write a virtual address of the process (hex) into virt.txt:

    echo 7ff61234 > virt.txt

phys.txt is then its physical address, and empty when its content is not in memory. map.txt shows the way through the page
tables: the name of the table, its physical address, the place of the entry in it, the entry; and last the page. What the page is
(present, transition, prototype, pagefile, ...) stands in the line that begins with STATE.
pt_*.mem are the tables, page.mem is the page, each of 4096 bytes. Those that are not in the image are empty.
`;

const written = new AddressStates();

/** `virt2phys/` of a process: the way through the page tables to the address in `virt.txt`. */
export function virt2physDirectory(process: Process): Directory {
  const { kernel } = process;
  const { mode } = kernel;
  const address = (): bigint => written.get(kernel, process.address);
  const way = (): Translation => translation(kernel, process.memory, address());
  const page = (physical: number | undefined): Uint8Array => (physical === undefined ? undefined : kernel.physical.read(physical - (physical % 4096), 4096)) ?? new Uint8Array(0);
  const file = (render: () => Uint8Array, doc: string): BytesFile => ({ kind: 'bytes', cost: 'quick', volatile: true, render, doc });
  const tables = tableNames(mode.name).map((name, depth) =>
    [`pt_${name.toLowerCase()}.mem`, file(() => page(way().steps[depth]?.table), `the ${name} on the way`)] as const);
  return directory({
    'virt.txt': addressFile(address, (value) => written.set(kernel, process.address, value), (value) => (canonical(value, mode.virtualBits) ? undefined
      : `It is no address of ${mode.name}: its upper bits are not alike.`), 'write: a virtual address (hex)'),
    'phys.txt': { ...text(() => physicalText(way().physical), { doc: 'its physical address; empty: its content is not in memory' }), volatile: true },
    'map.txt': { ...text(() => mapText(way()), { doc: 'the way through the page tables' }), volatile: true },
    ...Object.fromEntries(tables),
    'page.mem': file(() => page(way().physical), 'the page'),
    'readme.txt': text(() => README, { doc: 'how to translate an address' }),
  }, { doc: 'the page tables that lead to one of its addresses' });
}

function canonical(address: bigint, bits: number): boolean {
  return bits <= 32 ? address < 0x1_0000_0000n : BigInt.asUintN(64, BigInt.asIntN(bits, address)) === address;
}

function physicalText(physical: number | undefined): string {
  return physical === undefined ? '' : `${hex(physical, 16)}\n`;
}

function mapText({ steps, physical, state }: Translation): string {
  const lines = steps.map(({ name, table, offset, entry }) => `${name.padEnd(4)} ${hex(table, 16)} +${hex(offset, 3)} ${entry === undefined ? 'not in the image' : hex(entry, 16)}`);
  if (physical !== undefined) lines.push(`PAGE ${hex(physical - (physical % 4096), 16)}`);
  lines.push(`STATE ${state.kind}`);
  if (state.prototype !== undefined) {
    lines.push(`PROTOTYPE ${hex(state.prototype.address, 16)} ${hex(state.prototype.state?.pte ?? 0n, 16)} ${state.prototype.state?.kind ?? 'not in the image'}`);
  }
  const paged = state.pagefile ?? state.prototype?.state?.pagefile;
  if (paged !== undefined) lines.push(`PAGEFILE ${paged.number} +${hex(paged.offset * 4096)}`);
  return lines.map((line) => `${line}\n`).join('');
}
