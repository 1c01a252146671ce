/**
 * The bytes contradict themselves: a signature, length or link that cannot be.
 * The only error that a collection may catch; it skips the element and records an anomaly.
 */
export class FormatError extends Error {
  /** @param address where the contradiction lies, when it is a place in the image */
  constructor(what: string, readonly address?: bigint | number) {
    super(address === undefined ? what : `${what} at 0x${address.toString(16)}`);
    this.name = 'FormatError';
  }
}

/** We cannot go on. The message is one sentence for the user that says what to do. */
export class ImageError extends Error {
  /** @param exitCode the documented exit code of the command line, see README */
  constructor(sentence: string, readonly exitCode = 3) {
    super(sentence);
    this.name = 'ImageError';
  }
}
