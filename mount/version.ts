import { readFileSync } from 'node:fs';

/** Of package.json, which lies above the built files. */
export function programVersion(): string {
  const path = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
