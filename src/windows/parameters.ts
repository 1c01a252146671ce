import type { SparseMemory } from '../bytes/memory.js';
import { big, number, optional, struct, unicode, type UnicodeString } from '../profile/struct.js';
import type { Process } from './process.js';
import { userHalves } from './wow64.js';

/** What the PEB's process parameters say. Corresponds to `_RTL_USER_PROCESS_PARAMETERS`. Strings are empty when the process has none. */
export interface Parameters {
  readonly imagePath: string;
  readonly commandLine: string;
  readonly currentDirectory: string;
  readonly windowTitle: string;
  /** `NAME=value` in the order of the block. */
  readonly environment: readonly string[];
}

const PEB = struct('_PEB', { parameters: big('ProcessParameters') });

const PARAMETERS = struct('_RTL_USER_PROCESS_PARAMETERS', {
  flags: number('Flags'),
  currentDirectory: unicode('CurrentDirectory.DosPath'),
  imagePath: unicode('ImagePathName'),
  commandLine: unicode('CommandLine'),
  windowTitle: unicode('WindowTitle'),
  environment: big('Environment'),
  environmentSize: optional(number('EnvironmentSize')),
});

/** RTL_USER_PROC_PARAMS_NORMALIZED: pointers are addresses; until then they are offsets from the structure. */
const NORMALIZED = 1;
/** Windows itself allows 32,767 characters a variable and no fixed total; no real block comes near this. */
const MAX_ENVIRONMENT = 0x10_0000;
const MAX_VARIABLES = 4096;
const PAGE = 4096;

/** Undefined when the process has no PEB, has ended, or its parameters are not in the image. */
export function parameters(process: Process): Parameters | undefined {
  const half = userHalves(process)[0];
  if (half === undefined || process.terminated) return undefined;
  const at = half.read(PEB, half.peb)?.parameters;
  const block = at === undefined || at === 0n ? undefined : half.read(PARAMETERS, at);
  if (at === undefined || block === undefined) return undefined;
  const offset = (block.flags & NORMALIZED) === 0 ? at : 0n;
  const text = (string: UnicodeString): string =>
    process.kernel.text(string.buffer === 0n ? string : { ...string, buffer: string.buffer + offset }, half.memory) ?? '';
  return {
    imagePath: text(block.imagePath),
    commandLine: text(block.commandLine),
    currentDirectory: text(block.currentDirectory),
    windowTitle: text(block.windowTitle),
    environment: block.environment === 0n ? [] : environment(half.memory, block.environment + offset, block.environmentSize),
  };
}

/**
 * The variables of an environment block: UTF-16 strings, each ended by NUL, the last by an empty one. Stops at the
 * first page that is not in the image; a string cut there is left out.
 * @param size bytes, where the process says it
 */
export function environment(memory: SparseMemory<bigint>, address: bigint, size: number | undefined): readonly string[] {
  const limit = Math.min(size === undefined || size === 0 ? MAX_ENVIRONMENT : size, MAX_ENVIRONMENT);
  const variables: string[] = [];
  let open = '';
  for (let done = 0; done < limit && variables.length < MAX_VARIABLES;) {
    const at = address + BigInt(done);
    const step = Math.min(PAGE - Number(at & 0xfffn), limit - done) & ~1;
    const bytes = step === 0 ? undefined : memory.read(at, step);
    if (bytes === undefined) break;
    const parts = (open + bytes.toString('utf16le')).split('\0');
    open = parts.pop() ?? '';
    const end = parts.indexOf('');
    variables.push(...(end < 0 ? parts : parts.slice(0, end)));
    if (end >= 0) return variables.slice(0, MAX_VARIABLES);
    done += step;
  }
  return variables.slice(0, MAX_VARIABLES);
}
