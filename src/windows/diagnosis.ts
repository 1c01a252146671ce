/** A directory table base that was looked at. */
export interface DtbVerdict {
  readonly dtb: number;
  /** How it was found. */
  readonly how: string;
  readonly taken: boolean;
  /** Why it was taken or not, one sentence. */
  readonly why: string;
}

/** What was recognised and how, step by step, and what is not known because of what. Filled while an image is opened. */
export interface Diagnosis {
  readonly container: { readonly path: string; readonly format: string; readonly reason: string; readonly size: number };
  readonly dtbs: DtbVerdict[];
  kernel: { base: string; size: number; symbolFile: string | undefined; path: string | undefined } | undefined;
  profile: { id: string; version: string; source: string; checks: string[] } | undefined;
  /** What is reduced, and because of what. */
  readonly degraded: string[];
  /** What the user can try next. */
  readonly next: string[];
}

/** The text of diagnose.txt: one fact a line. */
export function diagnosisText(diagnosis: Diagnosis): string {
  const { container, dtbs, kernel, profile, degraded, next } = diagnosis;
  const lines = [
    'IMAGE',
    `  file       ${container.path}`,
    `  size       ${container.size} bytes`,
    `  format     ${container.format}: ${container.reason}`,
    '',
    'DIRECTORY TABLE BASE',
    ...dtbs.map(({ dtb, how, taken, why }) => `  ${taken ? 'taken  ' : 'refused'}    0x${dtb.toString(16)}  ${how}: ${why}`),
    ...(dtbs.length === 0 ? ['  no page in the image looks like a top-level page table'] : []),
    '',
    'KERNEL',
    ...(kernel === undefined ? ['  not found'] : [
      `  base       ${kernel.base}, ${kernel.size} bytes`,
      `  symbols    ${kernel.symbolFile ?? 'its image names no symbol file'}`,
    ]),
    '',
    'PROFILE',
    ...(profile === undefined ? ['  none'] : [
      `  version    ${profile.version} (${profile.source}), ${profile.id}`,
      ...profile.checks.map((check) => `  check      ${check}`),
    ]),
    '',
    'DEGRADED',
    ...(degraded.length === 0 ? ['  nothing'] : degraded.map((line) => `  ${line}`)),
  ];
  if (next.length > 0) lines.push('', 'WHAT TO TRY', ...next.map((line) => `  ${line}`));
  return `${lines.join('\n')}\n`;
}
