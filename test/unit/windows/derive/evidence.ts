import { AddressSpace } from '../../../../src/paging/address-space.js';
import { MODES, type PagingMode } from '../../../../src/paging/mode.js';
import { SOFTWARE_PTE } from '../../../../src/paging/pte.js';
import type { Image } from '../../../../src/image/image.js';
import type { Evidence } from '../../../../src/windows/derive/evidence.js';
import { kernelAt } from '../../../../src/windows/find-kernel.js';
import type { Machine } from '../../../support/machine.js';
import type { ModeName } from '../../../support/table-rules.js';

export function modeOf(name: ModeName): PagingMode {
  const mode = MODES.find((each) => each.name === name);
  if (mode === undefined) throw new Error(`no mode ${name}`);
  return mode;
}

/** What layouts are derived from: the machine's image, System's table, and the kernel unless it is not to be known. */
export function evidenceOf(made: Machine, mode: ModeName, { kernel = true, image = made.image() }: { kernel?: boolean; image?: Image } = {}): Evidence {
  const space = new AddressSpace(image.memory, modeOf(mode), made.kernel.space.dtb, SOFTWARE_PTE);
  return { physical: image.memory, space, image: kernel ? kernelAt(space, made.kernel.base) : undefined };
}
