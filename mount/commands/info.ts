import { safeLine } from '../../src/vfs/text.js';
import { diagnosisText } from '../../src/windows/diagnosis.js';
import { EXIT } from '../exit-codes.js';
import type { OpenedTree } from '../tree/root.js';
import { printLine, writeAll } from './output.js';

/** `memlens info`: what was recognised, as text or as one JSON object. The exit code says whether a Windows was. */
export function info({ opened: { diagnosis, windows, image } }: OpenedTree, json: boolean): void {
  if (json) printLine(JSON.stringify(diagnosis, undefined, 2));
  else writeAll(1, Buffer.from(diagnosisText(diagnosis), 'utf8'));
  if (windows !== undefined) return;
  process.stderr.write(`memlens: ${safeLine(`No Windows was recognised in ${image.path}; a mount would show its bytes alone.`)}\n`);
  process.exitCode = EXIT.image;
}
