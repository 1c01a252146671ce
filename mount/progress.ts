import type { SingleBar } from 'cli-progress';

/** Where a long piece of work stands. */
export interface Progress {
  readonly stage: string;
  /** 0 to 100. */
  readonly percent: number;
  /** `1.2 GB/s`, `40,000 rows/s`; empty when there is none to tell. */
  readonly rate: string;
}

export interface ProgressDisplay {
  update(progress: Progress): void;
  /** A line among the progress, such as a warning. */
  line(text: string): void;
  stop(): void;
}

/** Plain lines of one kind of work come at least this far apart, but for its first and last. */
const PLAIN_MS = 2000;

/** A moving bar on stderr where that is a terminal, else a line now and then and one a stage. */
export async function progressDisplay(): Promise<ProgressDisplay> {
  return process.stderr.isTTY ? bar() : plain();
}

function plain(): ProgressDisplay {
  /** When each kind of work (`pool scan`, `forensic pass`) was last told, and how far it was. */
  const told = new Map<string, { at: number; percent: number }>();
  const line = (text: string): void => { process.stderr.write(`${text}\n`); };
  return {
    update({ stage, percent, rate }) {
      const kind = stage.split(',', 1)[0] ?? stage;
      const now = Date.now();
      const last = told.get(kind);
      const ended = percent >= 100 && last !== undefined && last.percent < 100;
      if (last !== undefined && !ended && (now - last.at < PLAIN_MS || last.percent >= 100)) return;
      told.set(kind, { at: now, percent });
      line(`${stage}: ${Math.floor(percent)} %${rate === '' ? '' : `, ${rate}`}`);
    },
    line,
    stop: () => undefined,
  };
}

async function bar(): Promise<ProgressDisplay> {
  const { default: cliProgress } = await import('cli-progress');
  let shown: SingleBar | undefined;
  const stop = (): void => {
    shown?.stop();
    shown = undefined;
  };
  return {
    update({ stage, percent, rate }) {
      if (shown === undefined) {
        shown = new cliProgress.SingleBar({
          format: '{bar} {percentage} %  {stage}  {rate}', clearOnComplete: true, hideCursor: true, stream: process.stderr,
        });
        shown.start(100, percent, { stage, rate });
      } else {
        shown.update(Math.floor(percent), { stage, rate });
      }
    },
    line(text) {
      stop();
      process.stderr.write(`${text}\n`);
    },
    stop,
  };
}
