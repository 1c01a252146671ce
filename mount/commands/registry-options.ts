import type { Command } from 'commander';
import { withOpening } from '../opening-options.js';
import type { RegistrySearchFlags, TimelineFlags } from './registry.js';

const EXIT_HELP = '\nExit code: 0 found, 7 nothing found (search); 0 equal, 7 different (diff); as for all commands otherwise.';
const INPUT_HELP = '\nA hive is a hive file (its transaction logs are found beside it), a folder that holds hives, or a memory image alone.';

function withRows(command: Command): Command {
  return withOpening(command).option('--csv', 'as CSV').option('--json', 'as JSON, an object a line');
}

/** Adds `memlens registry` and its commands. */
export function addRegistryCommands(program: Command): void {
  const registry = program.command('registry').description('timeline, search and differences of registry hives or of a memory image\'s registry')
    .addHelpText('after', INPUT_HELP + EXIT_HELP);
  withRows(registry.command('timeline')).description('last writes of all keys and the times that artefacts hold, oldest first').argument('<hives...>')
    .option('--from <time>', 'from this time on, in UTC: 2023-02-01 or 2023-02-01T11:48:58Z')
    .option('--to <time>', 'up to this time, and all of the day, minute or second that it names')
    .option('--deleted', 'deleted keys too')
    .addHelpText('after', INPUT_HELP)
    .action(async (hives: string[], flags: TimelineFlags) => {
      await (await import('./registry.js')).registryTimeline(hives, flags);
    });
  withRows(registry.command('search')).description('keys and values that hold a text, /a regular expression/ or bytes').argument('<words...>')
    .usage('[options] <hives...> <pattern>')
    .option('-i, --ignore-case', 'upper and lower case are one')
    .option('--in <places>', 'where to look: keys, names, data, or some of them separated by commas (default: all)')
    .option('--type <type>', 'only values of this type, such as REG_SZ; may be given several times', (value: string, before: readonly string[] = []) => [...before, value])
    .option('--hex', 'the pattern is bytes in hex, ? for any digit')
    .option('--deleted', 'deleted keys and values too, and where they were recovered from')
    .addHelpText('after', INPUT_HELP + EXIT_HELP)
    .action(async (words: string[], flags: RegistrySearchFlags) => {
      await (await import('./registry.js')).registrySearch(words, flags);
    });
  withRows(registry.command('diff')).description('keys and values that were added, removed or changed').argument('<before>').argument('<after>')
    .addHelpText('after', INPUT_HELP + EXIT_HELP)
    .action(async (before: string, after: string, flags: RegistrySearchFlags) => {
      await (await import('./registry.js')).registryDiff(before, after, flags);
    });
}
