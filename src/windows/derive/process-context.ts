import { wordAt } from '../../bytes/word.js';
import type { AddressSpace } from '../../paging/address-space.js';
import type { Look, Sample } from './evidence.js';
import type { ActiveList } from './system.js';
import { USER } from './user-layouts.js';

/** What the rules for `_EPROCESS` know so far. */
export class ProcessContext {
  readonly #offsets = new Map<string, number>();
  readonly #spaces = new Map<bigint, AddressSpace | undefined>();
  readonly #pebs = new Map<bigint, Peb | undefined>();
  readonly pids: ReadonlyMap<number, Sample>;
  /** Where System's `_EPROCESS` lies: what every process's page table must agree on. */
  readonly systemPhysical: number | undefined;
  /** High word of the time at which the image was taken (`_KUSER_SHARED_DATA.SystemTime`); undefined when it is not in the image. */
  readonly lastTime: number | undefined;

  constructor(readonly look: Look, readonly list: ActiveList, readonly samples: readonly Sample[]) {
    this.pids = new Map(samples.map((sample) => [this.pid(sample), sample]));
    const clock = look.space.read(look.space.mode.sharedData + 0x14n, 8)?.readUInt32LE(4);
    this.lastTime = clock === undefined || clock < 0x01bf_53eb || clock > 0x0230_0000 ? undefined : clock;
    this.systemPhysical = look.space.translate(list.system);
  }

  pid(sample: Sample): number {
    return this.look.numberAt(sample, this.list.pidOffset) ?? 0;
  }

  isSystem(sample: Sample): boolean {
    return sample.address === this.list.system;
  }

  /** Offset of a field that is known by now. */
  offset(path: string): number | undefined {
    return this.#offsets.get(path);
  }

  know(path: string, offset: number): void {
    this.#offsets.set(path, offset);
    if (path === 'Pcb.DirectoryTableBase') this.#spaces.clear();
    if (path === 'Peb') this.#pebs.clear();
  }

  /** A field's words as a number; undefined when the field is not known or the value is above 48 bits. */
  value(sample: Sample, path: string): number | undefined {
    const offset = this.#offsets.get(path);
    return offset === undefined ? undefined : this.look.numberAt(sample, offset);
  }

  /** A field's 32 bits; undefined when the field is not known. */
  dword(sample: Sample, path: string): number | undefined {
    const offset = this.#offsets.get(path);
    return offset === undefined ? undefined : sample.words[offset >>> 2];
  }

  /** A FILETIME field; undefined when it is not known or zero. */
  time(sample: Sample, path: string): bigint | undefined {
    const offset = this.#offsets.get(path);
    return offset === undefined ? undefined : sample.bytes.readBigUInt64LE(offset) || undefined;
  }

  /** The process's address space, once its table's place is known and when the table maps the kernel. */
  space(sample: Sample): AddressSpace | undefined {
    if (!this.#spaces.has(sample.address)) {
      const dtb = this.value(sample, 'Pcb.DirectoryTableBase');
      this.#spaces.set(sample.address, dtb === undefined ? undefined : this.spaceBy(dtb));
    }
    return this.#spaces.get(sample.address);
  }

  /** The space of a table that maps System's `_EPROCESS` where it lies; undefined when it does not. */
  spaceBy(dtb: number): AddressSpace | undefined {
    const table = this.look.space.mode.tableOf(dtb);
    if (table <= 0 || table >= this.look.physical.size) return undefined;
    const space = this.look.spaceOf(table);
    return space.translate(this.list.system) === this.systemPhysical ? space : undefined;
  }

  /** The PEB's first words, once its place is known; undefined when it has none or it is not in the image. */
  peb(sample: Sample): Peb | undefined {
    if (!this.#pebs.has(sample.address)) {
      const offset = this.#offsets.get('Peb');
      const space = this.space(sample);
      const address = offset === undefined ? 0n : this.look.word(sample.bytes, offset);
      this.#pebs.set(sample.address, space === undefined || address === 0n ? undefined : readPeb(this.look, space, address, this.look.pointerSize));
    }
    return this.#pebs.get(sample.address);
  }
}

/** What a PEB says of itself. */
export interface Peb {
  readonly address: bigint;
  readonly imageBase: bigint;
  readonly sessionId: number | undefined;
  readonly build: number | undefined;
  /** Its loader lists go round. */
  readonly lists: boolean;
}

/** A PEB of either width at an address; undefined when its words cannot be those of one or are not in the image. */
export function readPeb(look: Look, space: AddressSpace, address: bigint, width: 4 | 8): Peb | undefined {
  const at = USER[width].peb;
  const bytes = space.read(address, 0x40);
  if (bytes === undefined) return undefined;
  const word = (offset: number): bigint => (width === 8 ? bytes.readBigUInt64LE(offset) : BigInt(bytes.readUInt32LE(offset)));
  const [imageBase, loader, parameters] = [word(at.imageBase), word(at.loader), word(at.parameters)];
  if (![imageBase, loader, parameters].every((each) => look.isUser(each))) return undefined;
  if (imageBase % 0x1000n !== 0n || loader % 4n !== 0n) return undefined;
  const dword = (offset: number): number | undefined => space.read(address + BigInt(offset), 4)?.readUInt32LE(0);
  const build = dword(at.build);
  return {
    address, imageBase, sessionId: dword(at.sessionId),
    build: build === undefined ? undefined : build & 0xffff,
    lists: closes(space, loader + BigInt(USER[width].loaderList), width),
  };
}

/** Whether both neighbours of a list's head lead back to it. */
function closes(space: AddressSpace, head: bigint, width: 4 | 8): boolean {
  const pointer = (address: bigint): bigint | undefined => {
    const bytes = space.read(address, width);
    return bytes === undefined ? undefined : wordAt(bytes, 0, width);
  };
  const [flink, blink] = [pointer(head), pointer(head + BigInt(width))];
  return flink !== undefined && blink !== undefined && flink !== 0n
    && (pointer(flink + BigInt(width)) === head || pointer(blink) === head);
}
