import { bundledProfile, knownKernels } from '../profile/bundled.js';
import { layoutProfiles, type LayoutsWanted } from '../profile/layouts.js';
import type { Profile } from '../profile/profile.js';
import { symbolsFor, type WantedSymbols } from '../profile/symbol-folder.js';
import type { Derived } from './derive/derive.js';
import type { KernelImage } from './find-kernel.js';
import type { KernelVersion } from './kernel-version.js';
import type { OpenOptions } from './options.js';
import type { ProfileFacts } from './profile-facts.js';
import type { PagingMode } from '../paging/mode.js';

/** A profile to try. */
export interface Choice {
  readonly profile: Profile;
  readonly facts: ProfileFacts;
  /** The kernel's own: it need not be verified. */
  readonly exact: boolean;
  /** What was derived from the image for it. */
  readonly derived?: Pick<Derived, 'facts' | 'missing' | 'system'>;
}

/** Layout sets tried for a kernel that no table knows. */
const MAX_LAYOUTS = 8;

/**
 * What a symbol file of a kernel is asked for by; undefined when the image does not name it.
 * @param symbolFile GUID and age, `89284D…-1`
 * @param symbolPath as the linker wrote it: `ntkrnlmp.pdb`, or with the folders of the build machine
 */
export function wantedSymbols({ symbolFile, symbolPath }: { symbolFile: string | undefined; symbolPath: string | undefined }): WantedSymbols | undefined {
  const [, guid, age] = /^([0-9A-F]{32})-(\d+)$/.exec(symbolFile ?? '') ?? [];
  const pdbName = symbolPath?.split(/[\\/]/).at(-1);
  return guid === undefined || pdbName === undefined ? undefined : { guid, age: Number(age), pdbName };
}

/**
 * The profiles for a kernel, best first: its own, bundled; its own, from symbol files of the user; layouts of the builds nearest to it.
 * With `--profile=none` there is none. What comes after an exact one is for a kernel whose record is another's.
 */
export function* profileChoices(
  image: KernelImage, mode: PagingMode, version: () => KernelVersion | undefined, { overrides = {}, symbolFolders: folders = [], symbolCache: cache }: OpenOptions,
  note: (sentence: string) => void,
): Generator<Choice> {
  const exported = (name: string): number | undefined => image.exported(name);
  if (overrides.profile === 'none') return;
  if (overrides.profile !== undefined) yield* forced(overrides.profile, image, mode);
  const exact = image.symbolFile === undefined ? undefined : bundledProfile(image.symbolFile);
  if (exact !== undefined && image.symbolFile !== undefined) {
    yield { profile: exact, facts: { layouts: { from: 'bundled', id: image.symbolFile } }, exact: true };
  }
  const known = version();
  const named = exact !== undefined || (folders.length === 0 && cache === undefined) ? undefined : wantedSymbols(image);
  if (named !== undefined) {
    const wanted = { ...named, version: known?.text };
    const own = symbolsFor(folders, wanted, { cache, note });
    // A file of public symbols alone says nothing of layouts.
    if (own !== undefined && own.fact('_EPROCESS') === undefined) note(`the symbol file ${wanted.pdbName} of this kernel has no types: layouts of other builds are used`);
    else if (own !== undefined) {
      yield { profile: own, facts: { layouts: { from: 'symbols', wanted, folders, cache } }, exact: true };
    }
  }
  yield* nearest(wantedFor(mode, known?.build ?? 0, known?.revision), exported, MAX_LAYOUTS);
}

/** What the user named: a bundled kernel's id, or a build. Its symbols are the image's own exports unless it is the very kernel. */
function* forced(named: string, image: KernelImage, mode: PagingMode): Generator<Choice> {
  const id = named.toUpperCase();
  if (id === image.symbolFile) return;
  const version = knownKernels().find((kernel) => kernel.id === id)?.version ?? named;
  const [build, revision] = /^\d+\.\d+\.(\d+)(?:\.(\d+))?$/.exec(version)?.slice(1) ?? [/^\d+$/.test(version) ? version : undefined];
  if (build === undefined) return;
  yield* nearest(wantedFor(mode, Number(build), revision === undefined ? undefined : Number(revision)), (name) => image.exported(name), 1);
}

function* nearest(wanted: LayoutsWanted, exported: (name: string) => number | undefined, most: number): Generator<Choice> {
  let tried = 0;
  for (const profile of layoutProfiles(wanted, exported)) {
    yield { profile, facts: { layouts: { from: 'layouts', wanted, label: profile.label } }, exact: false };
    tried += 1;
    if (tried >= most) return;
  }
}

function wantedFor({ machine, pointerSize, entryBytes }: PagingMode, build: number, revision: number | undefined): LayoutsWanted {
  return { machine, build, revision, ...(pointerSize === 4 ? { pae: entryBytes === 8 } : {}) };
}
