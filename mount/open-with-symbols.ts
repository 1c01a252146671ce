import type { Directory } from '../src/vfs/node.js';
import { openRemembered, type Opening, type OpeningChoices } from './opening.js';
import type { SearchService } from './search-service.js';
import { symbolCache } from './symbols.js';

/**
 * As `openRemembered`; where the user asked for it (`--symbols=download`), what the image needs and nobody has is fetched first from the
 * symbol server, and the image is opened anew with it.
 */
export async function openWithSymbols(
  path: string, choices: OpeningChoices, log: (line: string) => void, forensic?: () => Directory | undefined, onProgress?: (percent: number) => void,
  service?: SearchService,
): Promise<Opening> {
  const opening = await openRemembered(path, choices, log, forensic, onProgress, service);
  const { symbolServer: server, symbolFolders: folders, work } = choices;
  if (server === undefined) return opening;
  const { fetchNeeded } = await import('./symbols-fetch.js');
  if (await fetchNeeded(opening.tree.opened, { folders, cache: symbolCache(work), server }, log) === 0) return opening;
  opening.tree.close();
  return openRemembered(path, choices, log, forensic, onProgress, service);
}
