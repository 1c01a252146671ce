import { hex } from '../../src/bytes/hex.js';
import { MAPPED_AT, type MappedRow } from '../../src/tables/mapped-at.js';
import { directory, listing } from '../../src/vfs/directory.js';
import type { BytesFile, Directory, Link } from '../../src/vfs/node.js';
import { tableFile } from '../../src/vfs/table.js';
import { text } from '../../src/vfs/text.js';
import type { Kernel } from '../../src/windows/kernel.js';
import { mappedAtPhysical, type MappedAt } from '../../src/windows/mapped-at.js';
import type { Process } from '../../src/windows/process.js';
import { Regions } from '../../src/windows/region.js';
import type { Windows } from '../../src/windows/windows.js';
import { AddressStates, addressFile, writtenAddress } from './address-state.js';

const README = `Write a physical address (hex) into phys.txt:

    echo 1a2b3c000 > phys.txt

virt.txt then leads to the virtual addresses that it is mapped at, virt-v.txt to the same with what lies there. Both are links into
.at/<address>/, where the answer to any address can also be read without writing one. Page tables are searched when they are read.
In /misc/phys2virt all processes are searched, and virt.txt has the process ID before each address.
`;

const written = new AddressStates();

/** `phys2virt/` of a process: where it has the physical address in `phys.txt`. */
export function phys2virtDirectory(process: Process): Directory {
  return reverse({
    kernel: process.kernel, place: process.address, processes: () => [process],
    line: ({ address }) => hex(address, 2 * process.kernel.pointerSize),
  }, 'where a physical page is mapped in this process');
}

/** `/misc/phys2virt`: the same through all processes. */
export function phys2virtAllDirectory(windows: Windows): Directory {
  const { kernel } = windows;
  return reverse({
    kernel, place: 'misc', processes: () => windows.processes(),
    line: ({ process, address }) => `${String(process.pid).padStart(6)} ${hex(address, 2 * kernel.pointerSize)}`,
  }, 'where a physical page is mapped, in all processes');
}

interface Search {
  readonly kernel: Kernel;
  /** Whose answer it is, to keep what was written. */
  readonly place: bigint | string;
  processes(): readonly Process[];
  line(found: MappedAt): string;
}

/**
 * What was written lives on the main thread, page tables are searched in the worker, which knows files by their paths alone: so the question is
 * part of a path. `virt.txt` is a link to it.
 */
function reverse({ kernel, place, processes, line }: Search, doc: string): Directory {
  const address = (): bigint => written.get(kernel, place);
  const link = (name: string, what: string): Link => ({ kind: 'link', get target() { return `.at/${hex(address(), 16)}/${name}`; }, doc: what });
  return directory({
    'phys.txt': addressFile(address, (value) => written.set(kernel, place, value), (value) => (value < BigInt(kernel.physical.size) ? undefined
      : `The image's memory ends at ${hex(kernel.physical.size)}.`), 'write: a physical address (hex)'),
    'readme.txt': text(() => README, { doc: 'how to search for an address' }),
    'virt.txt': link('virt.txt', 'its virtual addresses'),
    'virt-v.txt': link('virt-v.txt', 'its virtual addresses and what lies there'),
    '.at': () => listing({
      entries: () => [],
      lookup(name) {
        const asked = name.length === 16 ? writtenAddress(name) : undefined;
        return asked === undefined || asked >= BigInt(kernel.physical.size) || hex(asked, 16) !== name ? undefined : answer(Number(asked), processes, line);
      },
    }),
  }, { doc });
}

function answer(physical: number, processes: () => readonly Process[], line: Search['line']): Directory {
  const found = function* (): Generator<MappedAt> {
    for (const process of processes()) yield* mappedAtPhysical(process, physical);
  };
  const rows = function* (): Generator<MappedRow> {
    let regions: { readonly of: Process; readonly its: Regions } | undefined;
    for (const one of found()) {
      if (regions?.of !== one.process) regions = { of: one.process, its: new Regions(one.process) };
      yield { ...one, region: regions.its.at(one.address) };
    }
  };
  const plain: BytesFile = { kind: 'bytes', cost: 'slow', render: () => Buffer.from([...found()].map((one) => `${line(one)}\n`).join('')) };
  return directory({ 'virt.txt': plain, 'virt-v.txt': tableFile(MAPPED_AT, rows, { cost: 'slow' }) });
}
