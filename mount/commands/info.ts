import { coverageText } from '../../src/profile/coverage.js';
import { safeLine, safeText } from '../../src/vfs/text.js';
import { diagnosisJson, diagnosisText } from '../../src/windows/diagnosis.js';
import { findings } from '../../src/windows/findings.js';
import { EXIT } from '../exit-codes.js';
import type { OpenedTree } from '../tree/root.js';
import { writeAll } from './output.js';

/** `memlens info`: what was recognised, as text or as one JSON object. The exit code says whether a Windows was. */
export function info({ opened: { diagnosis, windows, image } }: OpenedTree, json: boolean): void {
  const found = findings(diagnosis, image.memory, windows?.kernel);
  writeAll(1, Buffer.from(json ? diagnosisJson(diagnosis, found) : safeText(diagnosisText(diagnosis, found)), 'utf8'));
  if (windows !== undefined) return;
  process.stderr.write(`memlens: ${safeLine(`No Windows was recognised in ${image.path}; a mount would show its bytes alone.`)}\n`);
  process.exitCode = EXIT.image;
}

/** `memlens info --profiles`: which kernels are known, and how. */
export function printProfiles(): void {
  writeAll(1, Buffer.from(coverageText(), 'utf8'));
}
