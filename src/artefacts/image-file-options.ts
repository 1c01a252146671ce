import { hex } from '../bytes/hex.js';
import type { HiveSet } from '../registry/hive-set.js';
import { artefact } from './artefact.js';
import { below, inSoftware, WHERE, type Found } from './found.js';
import { textOf, valuesOf } from './key-values.js';
import { bits, flag, plainTable, text } from './plain-table.js';

interface ImageFileOptions extends Found {
  readonly image: string;
  readonly filter: string | undefined;
  readonly debugger: string | undefined;
  readonly globalFlag: number | undefined;
  readonly verifier: string | undefined;
  readonly monitor: string | undefined;
  readonly silentExit: boolean;
  readonly mitigations: string | undefined;
}

const OPTIONS = 'Microsoft\\Windows NT\\CurrentVersion\\Image File Execution Options';
const SILENT_EXIT = 'Microsoft\\Windows NT\\CurrentVersion\\SilentProcessExit';
/** FLG_MONITOR_SILENT_PROCESS_EXIT (gflags). */
const MONITOR_SILENT_EXIT = 0x200;

function number(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const parsed = Number(text);
  return Number.isSafeInteger(parsed) && parsed >= 0 ? parsed : undefined;
}

function options(found: Found, image: string, monitors: ReadonlyMap<string, string>): ImageFileOptions {
  const values = valuesOf(found.key);
  const globalFlag = number(values.text('GlobalFlag'));
  const mitigation = values.value('MitigationOptions');
  const digits = textOf(mitigation);
  return {
    ...found,
    image,
    filter: values.text('FilterFullPath'),
    debugger: values.text('Debugger'),
    globalFlag,
    verifier: values.text('VerifierDlls'),
    monitor: monitors.get(image.toUpperCase()),
    silentExit: globalFlag !== undefined && (globalFlag & MONITOR_SILENT_EXIT) !== 0,
    mitigations: digits !== undefined && /^\d+$/.test(digits) ? `0x${hex(BigInt(digits))}` : digits ?? mitigation?.data()?.subarray(0, 64).toString('hex'),
  };
}

/** Programs started when a process of an image ends, by the image in upper case. */
function monitorsOf(set: HiveSet): ReadonlyMap<string, string> {
  const monitors = new Map<string, string>();
  for (const all of inSoftware(set, SILENT_EXIT)) {
    for (const { key } of below(all)) {
      const monitor = valuesOf(key).text('MonitorProcess');
      if (monitor !== undefined) monitors.set(key.name.toUpperCase(), monitor);
    }
  }
  return monitors;
}

function* rowsOf(set: HiveSet): Generator<ImageFileOptions> {
  const monitors = monitorsOf(set);
  const seen = new Set<string>();
  for (const all of inSoftware(set, OPTIONS)) {
    for (const image of below(all)) {
      seen.add(image.key.name.toUpperCase());
      yield options(image, image.key.name, monitors);
      for (const filter of below(image)) yield options(filter, image.key.name, monitors);
    }
  }
  for (const all of inSoftware(set, SILENT_EXIT)) {
    for (const image of below(all)) if (!seen.has(image.key.name.toUpperCase())) yield options(image, image.key.name, monitors);
  }
}

/** What Windows does when a program starts or ends: a debugger runs in its place, a monitor after it. */
export const IMAGE_FILE_OPTIONS = artefact<ImageFileOptions>({
  reads: [`SOFTWARE\\${OPTIONS}`, `SOFTWARE\\Wow6432Node\\${OPTIONS}`, `SOFTWARE\\${SILENT_EXIT}`],
  table: plainTable({
    name: 'image_file_options',
    doc: 'What Windows does when a program of a name starts or ends: a debugger runs in its place, a verifier DLL in it, a monitor after it. Many rows hold mitigations only.',
    columns: [
      text('image', (r) => r.image, 'file name of the program', 24),
      text('debugger', (r) => r.debugger, 'what is started in its place', 32),
      text('monitor', (r) => r.monitor, 'what is started when it ends (SilentProcessExit)', 32),
      flag('silent_exit', (r) => r.silentExit, 'its end is monitored (GlobalFlag 0x200)'),
      bits('global_flag', (r) => r.globalFlag, 'flags of gflags.exe'),
      text('verifier', (r) => r.verifier, 'DLLs of Application Verifier, loaded first', 16),
      text('filter', (r) => r.filter, 'the path that the options are for', 24),
      text('mitigations', (r) => r.mitigations, 'MitigationOptions', 18),
      ...WHERE,
    ],
  }),
  rows: rowsOf,
});
