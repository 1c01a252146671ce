import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, renameSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of images with truth files, beside the checkout: `X.raw.xz` and `X.truth.json.xz`. */
const FOLDER = process.env['MEMLENS_IMAGES'] ?? fileURLToPath(new URL('../../../../shared/images/', import.meta.url));
const CACHE = join(tmpdir(), 'memlens-images');

export interface ImageFiles {
  readonly name: string;
  /** Unpack on first use; give the path of the unpacked file. */
  raw(): string;
  truth(): string;
  /** The machine's pagefile.sys; undefined when it does not come with the image. */
  pageFile(): string | undefined;
}

/** Unpacks `path.xz` into the cache once, holes kept (xz writes them itself into a regular file). */
function unpacked(packed: string): string {
  const target = join(CACHE, basename(packed, '.xz'));
  if (existsSync(target) && statSync(target).mtimeMs >= statSync(packed).mtimeMs) return target;
  mkdirSync(CACHE, { recursive: true });
  const part = `${target}.${process.pid}`;
  const fd = openSync(part, 'w');
  const { status, error, stderr } = spawnSync('xz', ['-dc', packed], { stdio: ['ignore', fd, 'pipe'] });
  closeSync(fd);
  if (status !== 0) throw new Error(`xz -dc ${packed}: ${error?.message ?? String(stderr)}`);
  renameSync(part, target);
  return target;
}

/** The images there are; or, as a string, why there are none. */
export function imageFiles(): readonly ImageFiles[] | string {
  if (!existsSync(FOLDER)) return `there are no images with truth files in ${FOLDER}`;
  const names = readdirSync(FOLDER).filter((file) => file.endsWith('.truth.json.xz')).map((file) => file.slice(0, -'.truth.json.xz'.length)).sort();
  if (names.length === 0) return `no truth file lies in ${FOLDER}`;
  return names.map((name) => ({
    name,
    raw: () => unpacked(join(FOLDER, `${name}.raw.xz`)),
    truth: () => unpacked(join(FOLDER, `${name}.truth.json.xz`)),
    pageFile: () => {
      const packed = join(FOLDER, `${name}.pagefile.sys.xz`);
      return existsSync(packed) ? unpacked(packed) : undefined;
    },
  }));
}
