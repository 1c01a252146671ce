import { isoTime } from '../bytes/filetime.js';
import { hex } from '../bytes/hex.js';
import type { Table } from '../vfs/column.js';
import { UNKNOWN } from '../vfs/table.js';
import type { FieldValue, StructureField } from '../windows/structure-fields.js';

function shown(value: FieldValue | undefined): string | undefined {
  if (value === undefined) return undefined;
  switch (value.kind) {
    case 'number': return `0x${hex(value.value)}`;
    case 'pointer': return hex(value.value, 16);
    case 'time': return `0x${hex(value.value)} ${isoTime(value.value) ?? ''}`;
    case 'text': return `"${value.value}"`;
    case 'bytes': return value.value.toString('hex').replace(/..(?!$)/g, '$& ');
    case 'none': return '';
  }
}

/** The fields of a structure in memory. */
export const STRUCTURE: Table<StructureField> = {
  name: 'structure',
  doc: 'The fields of a structure as the kernel\'s symbols name them, with what they hold; structures within it before their own fields.',
  heading: 'Offset Field                                            Type                             Value',
  columns: [
    { name: 'offset', csv: 'Offset', kind: 'hex', value: ({ offset }) => offset, text: { width: 6, align: 'left', show: ({ offset }) => `+0x${hex(offset, 3)}` }, doc: 'bytes from its start' },
    { name: 'field', csv: 'Field', kind: 'text', value: ({ path }) => path, text: { width: 48, align: 'left' }, doc: 'the names of the structures that hold it, and its own' },
    { name: 'type', csv: 'Type', kind: 'text', value: ({ type }) => type, text: { width: 32, align: 'left' }, doc: 'its type; of bit fields the first bit and how many' },
    {
      name: 'value', csv: 'Value', kind: 'text', value: ({ value }) => shown(value), doc: 'what it holds, in hex; *** (absent) when it is not in the image',
      text: { width: 1, align: 'left', show: ({ value }) => shown(value) ?? UNKNOWN },
    },
  ],
};
