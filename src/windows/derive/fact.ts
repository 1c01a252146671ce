/** One thing that was derived, as the diagnosis shows it. */
export interface DerivedFact {
  /** A field, `_EPROCESS.UniqueProcessId`, a symbol, `PsActiveProcessHead`, or a structure whose form was chosen, `_MMVAD_SHORT`. */
  readonly what: string;
  /** A field's offset in bytes, a symbol's address relative to the kernel's base; a form's name. */
  readonly value: number | string;
  /** How it was found and checked, in words. */
  readonly how: string;
  /** 0 to 1. */
  readonly confidence: number;
  /** How many structures agreed. */
  readonly checkedOn: number;
}
