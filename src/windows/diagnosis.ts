/** A directory table base that was looked at. */
export interface DtbVerdict {
  readonly dtb: number;
  /** Paging mode: `x64`, `x86-pae`… */
  readonly mode?: string;
  /** How it was found. */
  readonly how: string;
  readonly taken: boolean;
  /** Why it was taken or not, one sentence. */
  readonly why: string;
}

/** A profile that was tried and did not fit. */
export interface RefusedProfile {
  readonly profile: string;
  readonly why: string;
}

/** An offset or address that was derived from the image. */
export interface DerivedLine {
  /** `_EPROCESS.UniqueProcessId`, `PspCidTable`. */
  readonly what: string;
  /** In hex: an offset, or an address relative to the kernel's base. */
  readonly value: string;
  readonly how: string;
  readonly confidence: string;
  /** How many processes (or other objects) agree. */
  readonly checkedOn: number;
}

/** What was recognised and how, step by step, and what is not known because of what. Plain facts, filled while an image is opened. */
export interface Diagnosis {
  readonly container: {
    readonly path: string;
    readonly format: string;
    readonly reason: string;
    readonly size: number;
    /** Physical memory that the file holds, in bytes; `end` is one past the last. */
    readonly ranges: readonly { readonly start: number; readonly end: number }[];
  };
  /** What the user fixed, one sentence each. */
  readonly overrides: string[];
  readonly dtbs: DtbVerdict[];
  kernel: {
    base: string; size: number; symbolFile: string | undefined; path: string | undefined;
    /** `x64`, `x86`, `arm64`; when it was linked, as its header says; its version and where that is from. */
    machine?: string | undefined; timestamp?: string | undefined; version?: string | undefined; versionFrom?: string | undefined;
  } | undefined;
  profile: { id: string; version: string; source: string; label?: string | undefined; checks: string[] } | undefined;
  readonly refused: RefusedProfile[];
  readonly derived: DerivedLine[];
  /** What is reduced, and because of what. */
  readonly degraded: string[];
  /** What the user can try next. */
  readonly next: string[];
}

/** What is looked at only when the diagnosis is read: it costs reads all over the image. */
export interface Findings {
  /** Pages looked at, spread over the image, and how many of them hold nothing but zeros. */
  readonly pages: { readonly sampled: number; readonly zero: number };
  /** Symbol files that modules in memory name. */
  readonly symbolFiles: readonly { readonly module: string; readonly file: string; readonly id: string }[];
  readonly sources: readonly ObjectSource[];
}

/** What a kind of object is read by. */
export interface ObjectSource {
  readonly kind: string;
  /** `exact`, `nearest`, `derived`, `missing`, or two of them. */
  readonly source: string;
  /** Structures and symbols that it would need besides. */
  readonly missing: readonly string[];
}

/** The start of a diagnosis: nothing has been looked at but the container. */
export function newDiagnosis(container: Diagnosis['container']): Diagnosis {
  return { container, overrides: [], dtbs: [], kernel: undefined, profile: undefined, refused: [], derived: [], degraded: [], next: [] };
}

/** Rows of a list that the text shows; the JSON has all. */
const SHOWN = 16;

/** The text of diagnose.txt: one fact a line. */
export function diagnosisText(diagnosis: Diagnosis, findings?: Findings): string {
  const { container, overrides, kernel, profile, refused, derived, degraded, next } = diagnosis;
  const lines = [
    'IMAGE',
    `  file       ${container.path}`,
    `  size       ${container.size} bytes`,
    `  format     ${container.format}: ${container.reason}`,
    ...shortened(container.ranges.map(({ start, end }) => `  range      0x${start.toString(16)} to 0x${(end - 1).toString(16)}`)),
    ...(findings === undefined ? [] : [`  zeros      ${zeroShare(findings.pages)}`]),
    ...(overrides.length === 0 ? [] : ['', 'ASKED FOR', ...overrides.map((line) => `  ${line}`)]),
    '',
    'DIRECTORY TABLE BASE',
    ...tableLines(diagnosis.dtbs),
    '',
    'KERNEL',
    ...(kernel === undefined ? ['  not found'] : kernelLines(kernel)),
    '',
    'PROFILE',
    ...(profile === undefined ? ['  none'] : [
      `  version    ${profile.version} (${profile.source}), ${profile.id}`,
      ...(profile.label === undefined ? [] : [`  layouts    ${profile.label}`]),
      ...profile.checks.map((check) => `  check      ${check}`),
    ]),
    ...shortened(refused.map((each) => `  refused    ${each.profile}: ${each.why}`)),
  ];
  if (derived.length > 0) lines.push('', 'DERIVED FROM THE IMAGE', ...derived.map(derivedLine));
  if (findings !== undefined && findings.sources.length > 0) lines.push('', 'READ BY', ...findings.sources.map(sourceLine));
  if (findings !== undefined && findings.symbolFiles.length > 0) {
    lines.push('', 'SYMBOL FILES', ...shortened(findings.symbolFiles.map(({ module, file, id }) => `  ${module.padEnd(16)} ${id}  ${file}`)));
  }
  lines.push('', 'DEGRADED', ...(degraded.length === 0 ? ['  nothing'] : degraded.map((line) => `  ${line}`)));
  if (next.length > 0) lines.push('', 'WHAT TO TRY', ...next.map((line) => `  ${line}`));
  return `${lines.join('\n')}\n`;
}

/** The same for programs. */
export function diagnosisJson(diagnosis: Diagnosis, findings: Findings): string {
  return `${JSON.stringify({ ...diagnosis, ...findings }, undefined, 2)}\n`;
}

function tableLines(dtbs: readonly DtbVerdict[]): string[] {
  if (dtbs.length === 0) return ['  no page in the image looks like a top-level page table'];
  const line = ({ dtb, mode, how, taken, why }: DtbVerdict): string =>
    `  ${taken ? 'taken  ' : 'refused'}    0x${dtb.toString(16)}${mode === undefined ? '' : `  ${mode}`}  ${how}: ${why}`;
  const refused = dtbs.filter(({ taken }) => !taken);
  return [...shortened(refused.map(line)), ...dtbs.filter(({ taken }) => taken).map(line)];
}

function kernelLines(kernel: NonNullable<Diagnosis['kernel']>): string[] {
  const { base, size, machine, timestamp, version, versionFrom, symbolFile, path } = kernel;
  return [
    `  base       ${base}, ${size} bytes`,
    ...(machine === undefined ? [] : [`  machine    ${machine}`]),
    ...(version === undefined ? [] : [`  version    ${version}${versionFrom === undefined ? '' : ` (${versionFrom})`}`]),
    ...(timestamp === undefined ? [] : [`  timestamp  ${timestamp}`]),
    `  symbols    ${symbolFile === undefined ? 'its image names no symbol file' : `${symbolFile}${path === undefined ? '' : `  ${path}`}`}`,
  ];
}

function derivedLine({ what, value, how, confidence, checkedOn }: DerivedLine): string {
  return `  ${what.padEnd(44)} ${value.padStart(12)}  ${confidence}, checked on ${checkedOn}: ${how}`;
}

function sourceLine({ kind, source, missing }: ObjectSource): string {
  return `  ${kind.padEnd(12)} ${source}${missing.length === 0 ? '' : `; not known: ${missing.join(', ')}`}`;
}

function zeroShare({ sampled, zero }: Findings['pages']): string {
  const percent = sampled === 0 ? 0 : Math.round((zero / sampled) * 1000) / 10;
  return `${percent} % of ${sampled} pages looked at`;
}

function shortened(lines: readonly string[]): string[] {
  return lines.length <= SHOWN ? [...lines] : [...lines.slice(0, SHOWN), `  and ${lines.length - SHOWN} more, see diagnose.json`];
}
