/** Linux error numbers, negative as the kernel's protocol wants them. They are named nowhere else above the drivers. */
export const ENOENT = -2;
export const EIO = -5;
export const EBADF = -9;
export const ENOTDIR = -20;
export const EISDIR = -21;
export const EINVAL = -22;
export const EMFILE = -24;
export const EFBIG = -27;
export const EROFS = -30;
export const ENODATA = -61;

/** Why a file system request is refused; `guard` turns it into the answer. */
export class Refusal extends Error {
  constructor(readonly errno: number) {
    super(`errno ${errno}`);
    this.name = 'Refusal';
  }
}
