import { hex } from '../src/bytes/hex.js';
import { nativeOf } from '../src/registry/value-type.js';
import type { Value } from '../src/registry/value.js';

/** Bytes of data that a line shows; the whole is in the tree. */
const MOST = 4096;

/** A value's data on one line: characters, the strings of a list, a number decimal and in hex, bytes in hex; cut after `most` bytes of it. */
export function dataLine(value: Pick<Value, 'type' | 'content'>, most = MOST): string {
  const content = value.content();
  if (content === undefined) return '(not in the image, or damaged)';
  // Text has two bytes a character, and is readable: four times as much of it fits a line.
  const textual = [1, 2, 6, 7].includes(value.type);
  const room = textual ? Math.min(MOST, 4 * most) : most;
  const cut = content.bytes.length > room;
  const native = nativeOf(value.type, cut ? content.bytes.subarray(0, room) : content.bytes);
  const end = cut ? '…' : '';
  if (typeof native === 'string') return native + end;
  if (typeof native === 'number') return `${native} (0x${hex(native, 8)})`;
  if (typeof native === 'bigint') return `${native} (0x${hex(native, 16)})`;
  if (Buffer.isBuffer(native)) return native.toString('hex') + end;
  return `${native.join(', ')}${end}`;
}
