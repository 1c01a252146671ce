import { artefact } from './artefact.js';
import { inControlSet, WHERE, type Found } from './found.js';
import { valuesOf } from './key-values.js';
import { ruleAt, ruleText, type ZoneRule } from './local-time.js';
import { count, flag, plainTable, text } from './plain-table.js';

interface TimeZone extends Found {
  readonly name: string | undefined;
  readonly rule: ZoneRule;
  readonly activeBias: number | undefined;
  readonly standardName: string | undefined;
  readonly daylightName: string | undefined;
  readonly noDaylight: boolean | undefined;
}

/** The time zone of the machine. Biases are minutes: UTC = local time + bias. */
export const TIME_ZONE = artefact<TimeZone>({
  reads: ['SYSTEM\\<control set>\\Control\\TimeZoneInformation'],
  table: plainTable({
    name: 'time_zone',
    doc: 'The time zone the machine is set to, and when its clocks change. Biases are minutes: UTC is local time plus bias.',
    columns: [
      text('name', (r) => r.name, 'Windows\' name of the zone', 32),
      count('bias', (r) => r.rule.bias, 'minutes from local time to UTC, without daylight saving'),
      count('active_bias', (r) => r.activeBias, 'the bias in force when it was last computed, daylight saving included'),
      text('standard_name', (r) => r.standardName, 'name of standard time, often a string of tzres.dll', 16),
      text('standard_start', (r) => ruleText(r.rule.standard), 'when clocks go back to standard time, in local time', 28),
      count('standard_bias', (r) => r.rule.standardBias, 'minutes added to the bias in standard time'),
      text('daylight_name', (r) => r.daylightName, 'name of daylight saving time', 16),
      text('daylight_start', (r) => ruleText(r.rule.daylight), 'when clocks go forward', 28),
      count('daylight_bias', (r) => r.rule.daylightBias, 'minutes added to the bias in daylight saving time'),
      flag('no_daylight_saving', (r) => r.noDaylight, 'the user turned the change of clocks off'),
      ...WHERE,
    ],
  }),
  * rows(set) {
    for (const found of inControlSet(set, 'Control\\TimeZoneInformation')) {
      const values = valuesOf(found.key);
      const standardName = values.text('StandardName');
      const active = values.number('ActiveTimeBias');
      const off = values.number('DynamicDaylightTimeDisabled') ?? values.number('DisableAutoDaylightTimeSet');
      yield {
        ...found,
        name: values.text('TimeZoneKeyName') ?? standardName,
        rule: ruleAt(found.key),
        activeBias: active === undefined ? undefined : active | 0,
        standardName,
        daylightName: values.text('DaylightName'),
        noDaylight: off === undefined ? undefined : off !== 0,
      };
    }
  },
});

