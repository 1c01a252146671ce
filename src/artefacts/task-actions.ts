import { guidText } from '../bytes/guid.js';
import { utf16 } from '../bytes/utf16.js';

/** What a scheduled task does. */
export interface TaskAction {
  readonly kind: 'exec' | 'com' | 'mail' | 'message';
  /** Command, class, subject or caption. */
  readonly command: string;
  readonly args: string;
  readonly folder: string;
}

export interface TaskActions {
  /** Name of the principal that it runs as: `Author`, `LocalSystem`. */
  readonly context: string | undefined;
  readonly actions: readonly TaskAction[];
  /** All was read. */
  readonly whole: boolean;
}

const MOST = 64;
const EXEC = 0x6666;
const COM = 0x7777;
const MAIL = 0x8888;
const MESSAGE = 0x9999;

/** Reads on, until there is no more. */
class Reader {
  at = 0;
  failed = false;
  constructor(readonly bytes: Buffer) {}

  take(length: number): Buffer {
    if (this.at + length > this.bytes.length) this.failed = true;
    const taken = this.failed ? Buffer.alloc(0) : this.bytes.subarray(this.at, this.at + length);
    this.at += taken.length;
    return taken;
  }
  word(): number { const taken = this.take(2); return taken.length === 2 ? taken.readUInt16LE(0) : 0; }
  long(): number { const taken = this.take(4); return taken.length === 4 ? taken.readUInt32LE(0) : 0; }
  /** A string with its length in bytes before it. */
  text(): string { return utf16(this.take(this.long())); }
  get more(): boolean { return !this.failed && this.at + 2 <= this.bytes.length; }
}

/** The value Actions of a task: version, context (from version 2 on), then actions, each with its kind before it. */
export function taskActions(blob: Buffer): TaskActions {
  const reader = new Reader(blob);
  const version = reader.word();
  const context = version >= 2 ? reader.text() : undefined;
  const actions: TaskAction[] = [];
  while (reader.more && actions.length < MOST) {
    const action = actionOf(reader, version);
    if (action === undefined || reader.failed) break;
    actions.push(action);
  }
  return { context: reader.failed && actions.length === 0 ? undefined : context, actions, whole: !reader.failed && reader.at === blob.length };
}

function actionOf(reader: Reader, version: number): TaskAction | undefined {
  const kind = reader.word();
  reader.text();
  switch (kind) {
    case EXEC: {
      const [command, args, folder] = [reader.text(), reader.text(), reader.text()];
      if (version >= 3) reader.take(2);
      return { kind: 'exec', command, args, folder };
    }
    case COM: {
      const guid = reader.take(16);
      const args = reader.text();
      return { kind: 'com', command: guid.length === 16 ? guidText(guid).toUpperCase() : '', args, folder: '' };
    }
    case MESSAGE: return { kind: 'message', command: reader.text(), args: reader.text(), folder: '' };
    case MAIL: {
      // From, to, copies, blind copies, reply to, server, subject, body; then attachments and headers.
      const [from = '', to = '', , , , server = '', subject = ''] = Array.from({ length: 8 }, () => reader.text());
      for (const each of [1, 2]) {
        const count = Math.min(reader.long(), MOST);
        for (let i = 0; i < count * each; i += 1) reader.text();
      }
      return { kind: 'mail', command: subject, args: `from ${from} to ${to} by ${server}`, folder: '' };
    }
    default: {
      reader.failed = true;
      return undefined;
    }
  }
}
