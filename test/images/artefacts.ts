import { AUTOSTARTS } from '../../src/artefacts/autostarts.js';
import { SCHEDULED_TASKS } from '../../src/artefacts/scheduled-tasks.js';
import { SERVICES } from '../../src/artefacts/services.js';
import { SHIMCACHE } from '../../src/artefacts/shimcache.js';
import { USER_ASSIST } from '../../src/artefacts/user-assist.js';
import { isoTime } from '../../src/bytes/filetime.js';
import { hiveSetOf } from '../../src/windows/hive-set.js';
import type { Windows } from '../../src/windows/windows.js';
import { artefactRows } from '../support/artefact-rows.js';
import { compare, type Comparison } from './comparison.js';
import type { Truth } from './truth.js';

const STARTS = ['boot', 'system', 'automatic', 'manual', 'disabled'];

/** The library as the registry has it: below System32 when no path is said. */
function library(dll: string | undefined): string | undefined {
  return dll === undefined || dll.includes(':') ? dll : `%SystemRoot%\\System32\\${dll}`;
}

/** Programs run, tasks, services and autostarts by the registry, against the truth. */
export function compareArtefacts(windows: Windows, truth: Truth): Comparison[] {
  const set = hiveSetOf(windows);
  const autostarts = artefactRows(AUTOSTARTS, set);
  const tasks = artefactRows(SCHEDULED_TASKS, set);
  const services = artefactRows(SERVICES, set);
  return [
    compare('programs of UserAssist',
      truth.userassist.map((use) => `${use.path} ${use.count} ${use.focus_count} ${use.focus_ms} ${isoTime(use.last)}`),
      artefactRows(USER_ASSIST, set).map((row) => `${row['path']} ${row['run_count']} ${row['focus_count']} ${row['focus_ms']} ${row['last_run']}`)),
    compare('programs of Shimcache',
      truth.shimcache.map(({ path, modified }, position) => `${position} ${path} ${isoTime(modified)}`),
      artefactRows(SHIMCACHE, set).map((row) => `${row['position']} ${row['path']} ${row['modified']}`)),
    compare('scheduled tasks',
      truth.scheduled_tasks.map((task) => `${task.path} ${task.guid} ${task.command} ${task.arguments} ${isoTime(task.registered)} ${isoTime(task.last_run)} ${isoTime(task.key_written)}`),
      tasks.map((row) => `${row['path']} ${row['id']} ${row['command']} ${row['arguments']} ${row['registered']} ${row['last_run']} ${row['key_written']}`)),
    compare('configured services',
      truth.services.map((one) => `${one.name} ${one.display} ${one.type} ${STARTS[one.start]} ${one.image_path} ${one.account} ${library(one.dll)}`),
      services.map((row) => `${row['name']} ${row['display_name']} ${row['type_bits']} ${row['start']} ${row['image_path']} ${row['account']} ${row['service_dll']}`)),
    compare('planted autostarts', planted(truth), [
      ...autostarts.filter((row) => row['kind'] === 'Run').map((row) => `persistence-run ${row['name']} ${row['command']}`),
      ...tasks.map((row) => `persistence-task ${row['path']} ${row['command']}`),
      ...services.map((row) => `persistence-service ${row['name']} ${row['image_path']}`),
    ].filter((one) => planted(truth).includes(one))),
  ];
}

function planted({ evil }: Truth): string[] {
  return (evil ?? []).flatMap((one) => {
    switch (one.kind) {
      case 'persistence-run': return [`${one.kind} ${one.value} ${one.data}`];
      case 'persistence-task': return [`${one.kind} ${one.where} ${one.command}`];
      case 'persistence-service': return [`${one.kind} ${one.where} ${one.image}`];
      default: return [];
    }
  });
}
