import { createRequire } from 'node:module';

/** Where a pattern of a rule matched. */
export interface YaraMatch {
  /** The pattern's identifier, `$a`. */
  readonly pattern: string;
  readonly offset: number;
  readonly length: number;
}

/** A rule that matched. */
export interface YaraRule {
  readonly rule: string;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, unknown>>;
  /** None when the condition asks for no pattern. */
  readonly matches: readonly YaraMatch[];
}

/** Compiled rules. */
export interface YaraScanner {
  /** What matches in some bytes; at most so many matches a pattern as were asked for. */
  scan(bytes: Buffer): readonly YaraRule[];
}

export interface Yara {
  /** What is wrong with rules, as a sentence; undefined: nothing. */
  problem(source: string): string | undefined;
  /** @throws Error for rules that `problem` has a sentence for */
  compile(source: string, matchesPerPattern: number): YaraScanner;
}

/** The parts of @litko/yara-x that we use. */
interface YaraX {
  validate(source: string, options: YaraXOptions): { readonly errors: readonly { readonly message: string }[] };
  compile(source: string, options: YaraXOptions): {
    setMaxMatchesPerPattern(count: number): void;
    scan(bytes: Buffer): readonly {
      readonly ruleIdentifier: string;
      readonly meta: Readonly<Record<string, unknown>>;
      readonly tags: readonly string[];
      readonly matches: readonly { readonly offset: number; readonly length: number; readonly identifier: string }[];
    }[];
  };
}

interface YaraXOptions {
  readonly enableIncludes: boolean;
  readonly relaxedReSyntax: boolean;
}

/** Rules come from whoever may write to the mount: they may not name files of this machine. Old rules escape more than they need. */
const OPTIONS: YaraXOptions = { enableIncludes: false, relaxedReSyntax: true };

/**
 * YARA through @litko/yara-x (YARA-X, compiled for Linux on x64 with glibc).
 * @returns the engine, or why there is none, as a sentence
 */
export function loadYara(): Yara | string {
  let engine: YaraX;
  try {
    engine = createRequire(import.meta.url)('@litko/yara-x') as YaraX;
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n', 1)[0] ?? '' : String(error);
    return `YARA is not available here: the package @litko/yara-x cannot be loaded (${why}).`;
  }
  return {
    problem(source) {
      const [first] = engine.validate(source, OPTIONS).errors;
      return first === undefined ? undefined : sentenceOf(first.message);
    },
    compile(source, matchesPerPattern) {
      const rules = engine.compile(source, OPTIONS);
      rules.setMaxMatchesPerPattern(matchesPerPattern);
      return {
        scan: (bytes) => rules.scan(bytes).map(({ ruleIdentifier: rule, meta, tags, matches }) => (
          { rule, tags, meta, matches: matches.map(({ identifier: pattern, offset, length }) => ({ pattern, offset, length })) })),
      };
    },
  };
}

/** `error[E009]: unknown identifier` and the place below it, on one line. */
function sentenceOf(message: string): string {
  const [first = ''] = message.split('\n', 1);
  const [, line, column] = /-->\s*line:(\d+):(\d+)/.exec(message) ?? [];
  const what = first.replace(/^error\[\w+\]: /, '');
  const detail = /\|\s+\^+ (.+)/.exec(message)?.[1];
  return `The rules do not compile: ${line === undefined ? '' : `line ${line}, column ${column ?? '1'}: `}${what}${detail === undefined ? '' : ` (${detail})`}.`;
}
