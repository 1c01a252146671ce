import type { ArtefactOf } from '../../src/artefacts/artefact.js';
import { ARTEFACTS } from '../../src/artefacts/artefacts.js';
import { hiveSetOf } from '../../src/windows/hive-set.js';
import { stage, type Stage } from '../stage.js';

/** An artefact's own stage: its table, CSV and timeline. */
function stageOf<R>({ table, timeline, rows }: ArtefactOf<R>): Stage {
  const name = `artefact_${table.name}`;
  return stage<R>({
    name,
    table: { ...table, name },
    waitsForScan: true,
    csv: name,
    ...(timeline === undefined ? {} : {
      timeline: {
        type: timeline.type, file: table.name,
        * events(row: R) {
          for (const event of timeline.events(row)) yield { ...event, pid: 0, value32: 0, value64: 0n };
        },
      },
    }),
    rows: (windows) => rows(hiveSetOf(windows)),
  });
}

/** What the registry tells, a stage for each matter. */
export const ARTEFACT_STAGES: readonly Stage[] = ARTEFACTS.map((artefact) => artefact.use(stageOf));
