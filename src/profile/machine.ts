/** `IMAGE_FILE_HEADER.Machine` of the kernels that are known here. */
export const MACHINE = { x86: 0x14c, x64: 0x8664, arm64: 0xaa64 } as const;

/** `x64`; `machine 0x1c4` for one that is not known. */
export function machineName(machine: number): string {
  return Object.entries(MACHINE).find(([, value]) => value === machine)?.[0] ?? `machine 0x${machine.toString(16)}`;
}
