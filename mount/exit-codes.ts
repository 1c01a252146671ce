/** The exit codes of the command line, as the README documents them. */
export const EXIT = {
  /** Done. */
  ok: 0,
  /** Something that should not happen; `--debug` shows where. */
  unforeseen: 1,
  /** The command line cannot be understood. */
  usage: 2,
  /** The image cannot be read, or is none. */
  image: 3,
  /** The path is not in the tree. */
  path: 4,
  /** FUSE is missing, or the mount failed. */
  mount: 5,
  /** A host folder or file cannot be used: the mount point, the work folder, the target of an export. */
  folder: 6,
  /** No: `registry search` found nothing, `registry diff` found a difference. */
  no: 7,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** We cannot go on. The message is one sentence for the user that says what to do. */
export class UserError extends Error {
  constructor(sentence: string, readonly exitCode: ExitCode) {
    super(sentence);
    this.name = 'UserError';
  }
}
