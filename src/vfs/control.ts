import type { About, ControlFile } from './node.js';

export interface ControlAbout extends About {
  readonly refuses?: ControlFile['refuses'];
  readonly appends?: boolean;
  readonly mime?: string;
}

/**
 * A file that takes what is written to it. `write` is told the text when the writer closes it; one that `refuses` has a sentence
 * for never comes there.
 * @param read what reading it gives now; a line's newline included
 */
export function control(read: () => string, write: (text: string) => void, about: ControlAbout = {}): ControlFile {
  return { ...about, kind: 'control', read, write };
}
