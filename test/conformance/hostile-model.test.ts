import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DETECTORS } from '../../forensic/detectors.js';
import type { StageContext } from '../../forensic/stage.js';
import { STAGES } from '../../forensic/stages.js';
import { Anomalies } from '../../src/bytes/anomaly.js';
import { BREAKAGES } from '../support/breakages.js';
import { drain } from '../support/drain.js';
import { furnished } from '../support/furnished.js';
import { FAMILIES, machine } from '../support/machine.js';

const CONTEXT: StageContext = { step: () => undefined, note: () => undefined };
/** Generous: a run that needs it does not end. */
const TIMEOUT = { timeout: 120_000 };

for (const build of FAMILIES) {
  test(`build ${build}: the whole model of a sound machine is what was built`, TIMEOUT, () => {
    const windows = furnished({ profile: build }).open();
    const counts = drain(windows);
    assert.deepEqual(
      [counts['processes'], counts['parameters'], counts['tokens'], counts['handles'], counts['threads'], counts['vads'], counts['modules']],
      [5, 2, 3, 4, 2, 10, 7],
    );
    assert.deepEqual([counts['drivers'], counts['endpoints'], counts['hives']], [1, 3, 1]);
    assert.deepEqual([windows.system.computerName, windows.system.timeZone], ['WORKSTATION', 'W. Europe Standard Time']);
    assert.deepEqual(windows.anomalies.list, []);
    for (const type of ['PE_INJECT', 'PRIVATE_RWX', 'PE_NOLINK', 'PROC_NOLINK']) assert.ok((counts[`detector ${type}`] ?? 0) > 0, type);
  });
}

for (const [name, breakage] of Object.entries(BREAKAGES)) {
  test(`a machine broken in ${name} is read to an end without an exception, whatever its build`, TIMEOUT, () => {
    let listed = 0;
    for (let seed = 1; seed <= 24; seed += 1) {
      const made = furnished({ profile: FAMILIES[seed % FAMILIES.length]!, seed });
      breakage(made, seed);
      const { windows, anomalies, diagnosis } = made.opened();
      try {
        listed += windows === undefined ? 0 : drain(windows)['processes'] ?? 0;
      } catch (error) {
        throw new Error(`seed ${seed}, build ${made.kernel.profile.version}`, { cause: error });
      }
      assert.ok(anomalies.list.length <= Anomalies.TOTAL);
      assert.ok(windows !== undefined || diagnosis.degraded.length > 0, 'no Windows, and no reason');
    }
    assert.ok(listed > 0, 'none of them showed a process: the breakage is too hard to test anything');
  });
}

for (const stage of STAGES) {
  test(`stage ${stage.name}: an almost empty machine and a furnished one give rows that fit its columns`, TIMEOUT, () => {
    for (const made of [machine(), furnished()]) {
      for (const row of stage.written(made.open(), CONTEXT)) {
        if (row === undefined) continue;
        assert.equal(row.values.length, stage.table.columns.length);
        if (row.csv !== undefined) assert.match(row.csv, /^[^\n]*\n$/, 'one line');
        if (row.jsonl !== undefined) assert.equal(typeof JSON.parse(row.jsonl), 'object');
        for (const event of row.events) assert.ok(event.text.length > 0);
      }
    }
  });
}

for (const detector of DETECTORS) {
  test(`detector ${detector.type}: a machine with System alone is clean, and findings name a process of the machine`, TIMEOUT, () => {
    assert.deepEqual([...detector.find(machine().open())].filter((one) => one !== undefined), []);
    const windows = furnished().open();
    for (const found of detector.find(windows)) {
      if (found === undefined) continue;
      assert.ok(windows.processes().includes(found.process));
      assert.doesNotMatch(found.description, /[\x00-\x1f]/);
    }
  });
}
