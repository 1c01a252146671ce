import { Pass } from '../../../forensic/pass.js';
import type { Stage } from '../../../forensic/stage.js';
import { at, fakeWindows, itemStage, items, NO_SCAN } from './fake-model.js';

/** Rows of the stage in whose middle the process is killed: more than two transactions before it, some after. */
export const ROWS = { small: 10, before: 12_345, all: 20_000 } as const;

/** Two stages; `kill` is called in the middle of the second. */
export function killable(kill: () => void): readonly Stage[] {
  const timeline = (type: string) => ({ timeline: { type, file: type.toLowerCase(), * events({ id, text }: { id: number; text: string }) {
    yield { time: at(id), action: 'CRE' as const, pid: 0, value32: 0, value64: 0n, text };
  } } });
  return [
    itemStage('small', () => items(ROWS.small), timeline('SMALL')),
    itemStage('large', function* rows() {
      for (const item of items(ROWS.all)) {
        if (item.id === ROWS.before) kill();
        yield item;
      }
    }, timeline('LARGE')),
  ];
}

export async function runPass(folder: string, stages: readonly Stage[]): Promise<string> {
  const pass = new Pass({ folder, stages, identity: { image: 'image', version: '1' }, windows: () => fakeWindows(), report: () => undefined });
  pass.join(NO_SCAN);
  return pass.run();
}

const folder = process.argv[2];
if (folder !== undefined && process.argv[1]?.endsWith('killed-pass.js') === true) {
  await runPass(folder, killable(() => process.kill(process.pid, 'SIGKILL')));
}
