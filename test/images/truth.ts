import { readFileSync } from 'node:fs';

/** A hive's key, `path` below the hive's root without a leading backslash ('' is the root). */
export interface TruthKey {
  readonly path: string;
  readonly written: bigint;
  readonly volatile: boolean;
  readonly values: readonly TruthValue[];
}

/** A registry value: `type` as in the image, `data` its bytes in hex. */
export interface TruthValue {
  readonly name: string;
  readonly type: number;
  readonly size: number;
  readonly data: string;
}

export interface TruthHive {
  readonly name: string;
  readonly root_path: string;
  readonly full_path?: string;
  readonly user_path?: string;
  readonly cmhive: bigint;
  readonly stable_length: number;
  readonly volatile_length: number;
  readonly key_count: number;
  readonly value_count: number;
  readonly keys: readonly TruthKey[];
  readonly deleted: readonly string[];
}

export interface TruthThread {
  readonly tid: number;
  readonly ethread: bigint;
  readonly start: bigint;
  readonly win32_start: bigint;
  readonly teb: bigint;
  readonly create_time: bigint;
  readonly exit_time?: bigint;
  readonly state: number;
  readonly wait_reason: number;
  readonly rip?: bigint;
  readonly rsp?: bigint;
  readonly teb32?: bigint;
  readonly eip?: bigint;
  readonly esp?: bigint;
}

export interface TruthModule {
  readonly base: bigint;
  readonly size: number;
  readonly path: string;
  readonly name: string;
  readonly entry: bigint;
  readonly load_time: bigint;
  /** 0: in no 64-bit loader list. */
  readonly ldr_entry: bigint;
  readonly ldr32_entry?: bigint;
  readonly linked: boolean;
  readonly timestamp: number;
  readonly wow64: boolean;
  /** What is mapped. */
  readonly file: string;
}

export interface TruthVad {
  readonly start: bigint;
  /** The last byte. */
  readonly end: bigint;
  /** `PAGE_READWRITE` and the like. */
  readonly protection: string;
  readonly private: boolean;
  readonly type: string;
  readonly tag: string;
  readonly commit: number;
  readonly file?: string;
  readonly label: string;
  readonly vad: bigint;
}

export interface TruthHandle {
  readonly value: number;
  readonly type: string;
  readonly object: bigint;
  readonly access: number;
  readonly name?: string;
}

export interface TruthToken {
  readonly token: bigint;
  readonly session: number;
  readonly integrity: string;
  readonly groups: readonly string[];
  readonly user: string;
  readonly privileges: Readonly<Record<string, { readonly enabled: boolean; readonly default: boolean }>>;
}

export interface TruthProcess {
  readonly pid: number;
  readonly ppid: number;
  readonly name: string;
  readonly eprocess: bigint;
  readonly dtb: number;
  readonly create_time: bigint;
  readonly exit_time?: bigint;
  readonly session?: number;
  readonly path: string;
  readonly native_path: string;
  readonly cmdline: string;
  readonly user_sid: string;
  readonly threads: readonly TruthThread[];
  readonly modules: readonly TruthModule[];
  readonly vads: readonly TruthVad[];
  readonly handles: readonly TruthHandle[];
  readonly environment: Readonly<Record<string, string>>;
  readonly peb: bigint;
  readonly peb32?: bigint;
  readonly parameters32?: bigint;
  readonly wow64: boolean;
  readonly protection: number;
  /** False for terminated and hidden ones. */
  readonly in_list: boolean;
  readonly terminated?: boolean;
  readonly token?: TruthToken;
  /** What the PEB claims, where it lies. */
  readonly peb_path?: string;
  readonly peb_cmdline?: string;
}

export type TruthPageKind = string;

export interface TruthPage {
  readonly pid: number;
  readonly va: bigint;
  readonly kind: TruthPageKind;
  readonly pfn?: number;
  readonly sha256?: string;
  readonly pagefile_offset?: number;
  readonly pte?: bigint;
}

export interface TruthDriver {
  readonly name: string;
  readonly path: string;
  readonly base: bigint;
  readonly size: number;
  readonly ldr_entry: bigint;
  readonly driver_object?: bigint;
  readonly object_name?: string;
  readonly linked: boolean;
}

export interface TruthEndpoint {
  /** `TCPv4`, `TCPv6`, `UDPv4`, `UDPv6`. */
  readonly proto: string;
  readonly local: string;
  readonly local_port: number;
  readonly remote?: string;
  readonly remote_port: number;
  readonly state?: string;
  readonly time?: bigint;
  readonly va: bigint;
  readonly pid: number;
  readonly owner: string;
  /** In a table; false: only a pool scan finds it. */
  readonly listed: boolean;
}

export interface TruthEvil {
  readonly kind: string;
  readonly value?: string;
  readonly data?: string;
  readonly command?: string;
  readonly image?: string;
  readonly where: string;
  readonly expect?: string;
  readonly pid?: number;
  readonly pids?: readonly number[];
  readonly tid?: number;
  readonly eprocess?: bigint;
  readonly base?: bigint;
  readonly size?: number;
  readonly start?: bigint;
  readonly address?: bigint;
  readonly target?: bigint;
  readonly path?: string;
  readonly real?: string;
  readonly shown?: string;
  readonly exports?: readonly string[];
}

/** What is in an image: the truth file in its portable form; addresses, FILETIMEs and PTEs as `bigint`, absent as undefined. */
export interface Truth {
  readonly generator: string;
  readonly seed: string;
  readonly scenario: 'desktop' | 'incident';
  readonly profile: { readonly pdb: string; readonly guid: string; readonly age: number };
  readonly system: {
    readonly build: number;
    readonly lab: string;
    readonly product: string;
    readonly kernel_base: bigint;
    readonly kernel_size: number;
    readonly dtb: number;
    readonly self_map_index: number;
    readonly boot_time: bigint;
    readonly system_time: bigint;
    readonly boot_time_iso: string;
    readonly system_time_iso: string;
    readonly cpus: number;
    readonly computer_name: string;
    readonly user: string;
    readonly machine_sid: string;
    readonly time_zone: string;
    readonly bias_minutes: number;
    /** Start and length in bytes. */
    readonly memory_runs: readonly (readonly [number, number])[];
    readonly object_cookie: number;
    readonly kdbg_encoded: boolean;
  };
  readonly processes: readonly TruthProcess[];
  readonly page_samples: readonly TruthPage[];
  readonly namespace: readonly { readonly path: string; readonly type: string; readonly va: bigint }[];
  readonly symlinks: readonly {
    readonly va: bigint; readonly directory: string; readonly name: string; readonly target: string; readonly created: bigint;
  }[];
  readonly object_types: readonly {
    readonly index: number; readonly name: string; readonly tag: string; readonly va: bigint;
    readonly objects: number; readonly handles: number;
  }[];
  readonly hives: readonly TruthHive[];
  readonly users: readonly { readonly rid: number; readonly name: string; readonly last_logon: bigint; readonly password_set: bigint }[];
  readonly network: readonly TruthEndpoint[];
  readonly drivers: readonly TruthDriver[];
  readonly unloaded_drivers: readonly { readonly name: string; readonly start: bigint; readonly end: bigint; readonly time: bigint }[];
  readonly evil: readonly TruthEvil[];
  readonly userassist: readonly { readonly path: string; readonly count: number; readonly focus_count: number; readonly focus_ms: number; readonly last: bigint }[];
  readonly shimcache: readonly { readonly path: string; readonly modified: bigint }[];
  readonly scheduled_tasks: readonly {
    readonly path: string; readonly guid: string; readonly command: string; readonly arguments: string;
    readonly registered: bigint; readonly last_run: bigint; readonly key_written: bigint;
  }[];
  readonly services: readonly {
    readonly name: string; readonly display: string; readonly type: number; readonly start: number; readonly image_path: string;
    readonly account?: string; readonly dll?: string;
  }[];
  /** Chance pool headers that a scan may take for objects. */
  readonly scanner_ambiguities: readonly { readonly type: string; readonly va: bigint }[];
  readonly invalid_pte_mask: number | bigint;
}

const ADDRESS = /^0x[0-9a-f]{16}$/;
const TIME = /^(\w*_time|written|key_written|created|modified|changed|accessed|time|last|last_run|registered|last_logon|password_set)$/;
const DIGITS = /^-?\d+$/;

/** JSON's own null is no value of ours. */
function revive(key: string, value: unknown): unknown {
  if (typeof value === 'string') {
    if (ADDRESS.test(value)) return BigInt(value);
    if (key === 'dtb') return Number(value);
    if (TIME.test(key) && DIGITS.test(value)) return BigInt(value);
    return value;
  }
  if (key === 'last_runs' && Array.isArray(value)) return value.map((time) => BigInt(String(time)));
  return value ?? undefined;
}

/** Reads a truth file (portable form, not compressed). */
export function loadTruth(path: string): Truth {
  return JSON.parse(readFileSync(path, 'utf8'), revive) as Truth;
}
