/** A file that is read by offset. */
export interface DumpSource {
  readonly size: number;
  read(offset: number, length: number): Buffer;
}

export interface ReadThread { readonly tid: number; readonly suspendCount: number; readonly priority: number; readonly teb: bigint; readonly stackStart: bigint; readonly stack: ReadLocation; readonly context: ReadLocation }
export interface ReadModule { readonly base: bigint; readonly size: number; readonly checksum: number; readonly timestamp: number; readonly name: string; readonly version: string | undefined; readonly codeView: Buffer }
export interface ReadRegion { readonly base: bigint; readonly size: bigint; readonly allocationBase: bigint; readonly allocationProtect: number; readonly state: number; readonly protect: number; readonly type: number }
export interface ReadMemory { readonly start: bigint; readonly length: number; readonly offset: number }
interface ReadLocation { readonly rva: number; readonly size: number }

/** A minidump as its rules (minidumpapiset.h) give it, and what breaks them. */
export interface ReadDump {
  readonly problems: readonly string[];
  readonly flags: bigint;
  readonly time: number;
  readonly streams: ReadonlyMap<number, ReadLocation>;
  readonly system: { readonly architecture: number; readonly processors: number; readonly major: number; readonly minor: number; readonly build: number; readonly platform: number; readonly servicePack: string } | undefined;
  readonly misc: { readonly pid: number | undefined; readonly created: number | undefined } | undefined;
  readonly threads: readonly ReadThread[];
  readonly threadInfo: readonly { readonly tid: number; readonly flags: number; readonly exitStatus: number; readonly created: bigint; readonly exited: bigint; readonly start: bigint }[];
  readonly threadNames: ReadonlyMap<number, string>;
  readonly modules: readonly ReadModule[];
  readonly unloaded: readonly { readonly base: bigint; readonly size: number; readonly name: string }[];
  readonly regions: readonly ReadRegion[];
  readonly memory: readonly ReadMemory[];
  readonly comment: string | undefined;
}

/** How many bytes a CONTEXT has by PROCESSOR_ARCHITECTURE_*; older writers of x86 dumps leave out the extended registers. */
const CONTEXT_SIZES: Readonly<Record<number, readonly number[]>> = { 0: [0x2cc, 0xcc], 9: [0x4d0], 12: [0x390], 0x8003: [0x314, 0x390] };

const MOST = 1_000_000;

/** Reads a minidump by the format's rules; what it breaks is said, not thrown. Knows nothing of the writer. */
export function readMinidump(source: DumpSource): ReadDump {
  const problems: string[] = [];
  const claimed: { what: string; rva: number; size: number }[] = [];
  const check = (what: string, holds: boolean): boolean => {
    if (!holds) problems.push(what);
    return holds;
  };
  const inFile = (what: string, { rva, size }: ReadLocation): boolean => check(`${what} lies at ${rva}, ${size} bytes, in a file of ${source.size}`, rva + size <= source.size);
  const claim = (what: string, location: ReadLocation): boolean => {
    if (location.size === 0) return true;
    claimed.push({ what, ...location });
    return inFile(what, location);
  };
  const at = (what: string, rva: number, size: number): Buffer => (inFile(what, { rva, size }) ? source.read(rva, size) : Buffer.alloc(size));
  const locationAt = (bytes: Buffer, offset: number): ReadLocation => ({ size: bytes.readUInt32LE(offset), rva: bytes.readUInt32LE(offset + 4) });
  const text = (what: string, rva: number): string => {
    const length = at(`${what} (a string)`, rva, 4).readUInt32LE(0);
    if (!check(`${what}: a string of ${length} bytes`, length % 2 === 0 && length < 0x1_0000)) return '';
    return at(`${what} (characters)`, rva + 4, length).toString('utf16le');
  };

  const header = at('the header', 0, 32);
  check('the signature is MDMP', header.toString('latin1', 0, 4) === 'MDMP');
  check('the version is 0xa793', header.readUInt16LE(4) === 0xa793);
  const count = header.readUInt32LE(8);
  const directoryAt = header.readUInt32LE(12);
  const streams = new Map<number, ReadLocation>();
  claim('the directory', { rva: directoryAt, size: count * 12 });
  const directory = at('the directory', directoryAt, Math.min(count, 4096) * 12);
  for (let i = 0; i < directory.length; i += 12) {
    const type = directory.readUInt32LE(i);
    if (type === 0) continue;
    const location = locationAt(directory, i + 4);
    check(`stream ${type} is there once`, !streams.has(type));
    streams.set(type, location);
    claim(`stream ${type}`, location);
  }
  const stream = (type: number): Buffer | undefined => {
    const location = streams.get(type);
    return location === undefined ? undefined : at(`stream ${type}`, location.rva, Math.min(location.size, 1 << 28));
  };
  /** Rows of a list: it holds as many as it says, and no more bytes than padding beyond. */
  const rows = (type: number, bytes: Buffer | undefined, first: number, size: number, total: number): Buffer[] => {
    if (bytes === undefined) return [];
    const place = streams.get(type)!;
    if (!check(`stream ${type} says ${total} entries of ${size} bytes in ${place.size}`, first + total * size <= place.size && place.size - first - total * size <= 8)) return [];
    return Array.from({ length: Math.min(total, MOST) }, (_, i) => bytes.subarray(first + i * size, first + (i + 1) * size));
  };

  const info = stream(7);
  const system = info && {
    architecture: info.readUInt16LE(0), processors: info[6]!, major: info.readUInt32LE(8), minor: info.readUInt32LE(12), build: info.readUInt32LE(16), platform: info.readUInt32LE(20),
    servicePack: info.readUInt32LE(24) === 0 ? '' : text('the service pack', info.readUInt32LE(24)),
  };
  const miscBytes = stream(15);
  if (miscBytes !== undefined) check('MiscInfo says its own size', miscBytes.readUInt32LE(0) === miscBytes.length);
  const misc = miscBytes && {
    pid: (miscBytes.readUInt32LE(4) & 1) === 0 ? undefined : miscBytes.readUInt32LE(8),
    created: (miscBytes.readUInt32LE(4) & 2) === 0 ? undefined : miscBytes.readUInt32LE(12),
  };

  const memory: ReadMemory[] = [];
  const list64 = stream(9);
  if (list64 !== undefined) {
    let offset = Number(list64.readBigUInt64LE(8));
    for (const row of rows(9, list64, 16, 16, Number(list64.readBigUInt64LE(0)))) {
      const length = Number(row.readBigUInt64LE(8));
      memory.push({ start: row.readBigUInt64LE(0), length, offset });
      claim('memory', { rva: offset, size: length });
      offset += length;
    }
  }
  memory.forEach((range, i) => {
    check(`memory at ${range.start.toString(16)} is not empty`, range.length > 0);
    const before = memory[i - 1];
    if (before !== undefined) check(`memory at ${range.start.toString(16)} follows what is before it`, range.start >= before.start + BigInt(before.length));
  });
  const small = stream(5);
  for (const row of small === undefined ? [] : rows(5, small, small.length % 16 === 8 ? 8 : 4, 16, small.readUInt32LE(0))) {
    const { rva, size } = locationAt(row, 8);
    if (inFile('memory', { rva, size })) memory.push({ start: row.readBigUInt64LE(0), length: size, offset: rva });
  }

  const threadBytes = stream(3);
  const threadCount = threadBytes?.readUInt32LE(0) ?? 0;
  const threads = rows(3, threadBytes, (threadBytes?.length ?? 0) === 8 + threadCount * 48 ? 8 : 4, 48, threadCount).map((row): ReadThread => {
    const thread = {
      tid: row.readUInt32LE(0), suspendCount: row.readUInt32LE(4), priority: row.readUInt32LE(12), teb: row.readBigUInt64LE(16), stackStart: row.readBigUInt64LE(24), stack: locationAt(row, 32), context: locationAt(row, 40),
    };
    const sizes = CONTEXT_SIZES[system?.architecture ?? -1];
    if (sizes !== undefined) check(`thread ${thread.tid}: a context of ${thread.context.size} bytes`, thread.context.size === 0 || sizes.some((size) => thread.context.size >= size));
    claim(`context of thread ${thread.tid}`, thread.context);
    if (thread.stack.rva !== 0 && inFile(`stack of thread ${thread.tid}`, thread.stack)) {
      const holds = memory.some(({ start, length, offset }) => thread.stackStart >= start && thread.stackStart + BigInt(thread.stack.size) <= start + BigInt(length)
        && thread.stack.rva === offset + Number(thread.stackStart - start));
      if (list64 !== undefined) check(`stack of thread ${thread.tid} lies where its memory lies`, holds);
    }
    return thread;
  });
  check('thread identifiers are there once', new Set(threads.map(({ tid }) => tid)).size === threads.length);

  const moduleBytes = stream(4);
  const moduleCount = moduleBytes?.readUInt32LE(0) ?? 0;
  const modules = rows(4, moduleBytes, (moduleBytes?.length ?? 0) === 8 + moduleCount * 108 ? 8 : 4, 108, moduleCount).map((row): ReadModule => {
    const fixed = row.readUInt32LE(24) === 0xfeef_04bd;
    const parts = [34, 32, 38, 36].map((offset) => row.readUInt16LE(offset));
    const view = locationAt(row, 76);
    claim('a CodeView record', view);
    return {
      base: row.readBigUInt64LE(0), size: row.readUInt32LE(8), checksum: row.readUInt32LE(12), timestamp: row.readUInt32LE(16), name: text('a module\'s name', row.readUInt32LE(20)),
      version: fixed ? parts.join('.') : undefined, codeView: view.size === 0 ? Buffer.alloc(0) : at('a CodeView record', view.rva, view.size),
    };
  });

  /** Lists that say the sizes of their header and entries. */
  const sized = (type: number, wide: boolean, least: number): Buffer[] => {
    const bytes = stream(type);
    if (bytes === undefined) return [];
    const [first, size] = [bytes.readUInt32LE(0), bytes.readUInt32LE(4)];
    check(`stream ${type}: entries of ${size} bytes`, size >= least && first >= 12);
    return rows(type, bytes, first, size, wide ? Number(bytes.readBigUInt64LE(8)) : bytes.readUInt32LE(8));
  };
  const unloaded = sized(14, false, 24).map((row) => ({ base: row.readBigUInt64LE(0), size: row.readUInt32LE(8), name: text('an unloaded module\'s name', row.readUInt32LE(20)) }));
  const regions = sized(16, true, 48).map((row): ReadRegion => ({
    base: row.readBigUInt64LE(0), allocationBase: row.readBigUInt64LE(8), allocationProtect: row.readUInt32LE(16), size: row.readBigUInt64LE(24), state: row.readUInt32LE(32), protect: row.readUInt32LE(36), type: row.readUInt32LE(40),
  }));
  regions.forEach((region, i) => {
    const where = `region ${region.base.toString(16)}`;
    check(`${where} has pages`, region.size > 0n && region.size % 4096n === 0n);
    check(`${where} has a state`, [0x1000, 0x2000, 0x1_0000].includes(region.state));
    check(`${where} has a type where it is not free`, (region.state === 0x1_0000) === ![0x2_0000, 0x4_0000, 0x100_0000].includes(region.type));
    const before = regions[i - 1];
    if (before !== undefined) check(`${where} follows what is before it`, region.base >= before.base + before.size);
  });
  const threadInfo = sized(17, false, 64).map((row) => ({
    tid: row.readUInt32LE(0), flags: row.readUInt32LE(4), exitStatus: row.readUInt32LE(12), created: row.readBigUInt64LE(16), exited: row.readBigUInt64LE(24), start: row.readBigUInt64LE(48),
  }));
  const names = stream(24);
  const threadNames = new Map(rows(24, names, 4, 12, names?.readUInt32LE(0) ?? 0).map((row) => [row.readUInt32LE(0), text('a thread\'s name', Number(row.readBigUInt64LE(4)))]));
  const comment = stream(11)?.toString('utf16le').replace(/\0$/, '');

  claimed.sort((a, b) => a.rva - b.rva);
  claimed.forEach((one, i) => {
    const before = claimed[i - 1];
    if (before !== undefined) check(`${one.what} at ${one.rva} begins after ${before.what}`, one.rva >= before.rva + before.size);
  });
  return { problems, flags: header.readBigUInt64LE(24), time: header.readUInt32LE(20), streams, system, misc, threads, threadInfo, threadNames, modules, unloaded, regions, memory, comment };
}
