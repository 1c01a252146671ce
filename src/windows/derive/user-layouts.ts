/**
 * Offsets in bytes of the PEB and what the loader keeps behind it, by pointer size. The same from Windows XP to 11:
 * other programs rely on them (ntdll's symbols of 2600 to 22631).
 */
export const USER = {
  8: { peb: { imageBase: 0x10, loader: 0x18, parameters: 0x20, build: 0x120, sessionId: 0x2c0 }, loaderList: 0x10 },
  4: { peb: { imageBase: 0x8, loader: 0xc, parameters: 0x10, build: 0xac, sessionId: 0x1d4 }, loaderList: 0xc },
} as const;
