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

/** Plain lines come at least this far apart. */
const PLAIN_MS = 2000;

/** A moving bar on stderr where that is a terminal, else a line now and then and one a stage. */
export async function progressDisplay(): Promise<ProgressDisplay> {
  return process.stderr.isTTY ? bar() : plain();
}

function plain(): ProgressDisplay {
  let last = 0;
  let lastStage = '';
  const line = (text: string): void => { process.stderr.write(`${text}\n`); };
  return {
    update({ stage, percent, rate }) {
      const now = Date.now();
      if (stage === lastStage && now - last < PLAIN_MS) return;
      last = now;
      lastStage = stage;
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
