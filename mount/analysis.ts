import { setTimeout as delay } from 'node:timers/promises';
import { startForensic, type ForensicPass } from '../forensic/client.js';
import { forensicDirectory } from '../forensic/tree.js';
import type { Directory } from '../src/vfs/node.js';
import type { Progress } from './progress.js';
import { startPoolScan, type PoolScan, type ScanResult } from './scan-client.js';
import type { TreeFacts } from './tree/root.js';
import { programVersion } from './version.js';

/** What runs beside the mount: the pool scan, whose findings join the tree, and the forensic pass. */
export interface Analysis {
  /** /forensic; undefined where no pass runs. */
  readonly directory: Directory | undefined;
  /** Resolves when scan and pass have ended, however. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

export interface AnalysisOptions {
  readonly facts: TreeFacts;
  /** One past the highest physical address. */
  readonly size: number;
  /** Our folder for this image. */
  readonly folder: string;
  readonly forensic: boolean;
  /** Milliseconds before the pool scan starts, so that its threads leave the processors to the first looks at a mount. */
  readonly scanAfter: number;
  /** What a scan of the same image found before: it is not scanned again. */
  readonly scan?: ScanResult | undefined;
  /** Told what the pool scan found; not when that was known. */
  readonly onScanned: (scan: ScanResult) => void;
  readonly onProgress: (progress: Progress) => void;
  readonly log: (line: string) => void;
}

/** Starts them. Nothing is started where no Windows was recognised. */
export function startAnalysis(options: AnalysisOptions): Analysis {
  const { facts, size, folder, forensic, scanAfter, scan: known, onScanned, onProgress, log } = options;
  const { kernel } = facts;
  if (kernel === undefined) return { directory: undefined, ended: Promise.resolve(), close: () => Promise.resolve() };
  const pass = forensic ? startPass(facts, folder, onProgress) : undefined;
  let closing = false;
  let scan: PoolScan | undefined;
  if (known !== undefined) pass?.join(known.facts, known.anomalies);
  const scanEnded = known !== undefined ? Promise.resolve() : delay(scanAfter).then(() => {
    if (closing) return undefined;
    const started = Date.now();
    scan = startPoolScan(facts.path, kernel, size, {
      progress: (scanned, total) => onProgress({
        stage: 'pool scan', percent: total === 0 ? 100 : (scanned / total) * 100,
        rate: `${(scanned / 1e6 / Math.max(1, Date.now() - started)).toFixed(1)} GB/s`,
      }),
    });
    return joinWhenScanned(scan, pass, onScanned, (line) => {
      if (!closing) log(line);
    });
  });
  return {
    directory: pass && forensicDirectory(pass.view),
    ended: Promise.all([scanEnded, pass?.ended]).then(() => undefined),
    close: async () => {
      closing = true;
      await Promise.all([scan?.stop(), pass?.close()]);
    },
  };
}

async function joinWhenScanned(scan: PoolScan, pass: ForensicPass | undefined, onScanned: (scan: ScanResult) => void, log: (line: string) => void): Promise<void> {
  try {
    const found = await scan.result;
    onScanned(found);
    pass?.join(found.facts, found.anomalies);
  } catch (error) {
    // The list walks stand without it; the pass must not wait for ever.
    log(`the pool scan failed: ${error instanceof Error ? error.message : String(error)}`);
    pass?.join(undefined, []);
  }
}

function startPass(facts: TreeFacts, folder: string, onProgress: (progress: Progress) => void): ForensicPass {
  return startForensic({
    path: facts.path, kernel: facts.kernel, pageFiles: facts.pageFiles, folder, version: programVersion(),
    onProgress: ({ percent, steps }) => {
      const running = steps.find((step) => step.state === 'running');
      onProgress({
        stage: `forensic pass${running === undefined ? '' : `, ${running.name}`}`, percent,
        rate: running === undefined || running.rate === 0 ? '' : `${Math.round(running.rate)} rows/s`,
      });
    },
  });
}
