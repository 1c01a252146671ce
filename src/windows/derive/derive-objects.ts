import { utf16 } from '../../bytes/utf16.js';
import type { Sample } from './evidence.js';
import { ENTRY_FORMS, HEADER_FORMS, TABLE_RULES, TYPE_FORMS, type EntryForm, type HeaderForm } from './object-rules.js';
import { apply, bestForm, confidence, type Session } from './session.js';
import { TOKEN_RULES, TOKEN_WINDOW, type TokenContext } from './token-rules.js';

const TABLE_WINDOW = 0x80;
const PAGE = 4096;
const FIRST_TYPE = 2;
const AT_LEAST = 3;
/** Tables whose entries are looked through. */
const MAX_TABLES = 32;

/** `_OBJECT_HEADER`: its form by the headers of the processes themselves. */
export function deriveHeaders(session: Session): void {
  const { look, draft, samples } = session;
  const forms = HEADER_FORMS.filter(({ pointerSize }) => pointerSize === look.pointerSize);
  const best = bestForm(forms, (form) => headerScore(session, form), AT_LEAST);
  if (best === undefined) {
    draft.missing.push('_OBJECT_HEADER: no known form gives the processes one type');
    return;
  }
  session.header = best.form;
  draft.add({ _OBJECT_HEADER: best.form.fact });
  draft.facts.push({ what: '_OBJECT_HEADER', value: best.form.name, how: 'gives all processes one type', confidence: confidence(best), checkedOn: best.yes });
  session.judges.set('_OBJECT_HEADER', { found: { offset: best.form.type, yes: best.yes, no: best.no, rivals: [] }, at: (offset) => {
    const form = forms.find(({ type }) => type === offset);
    return form === undefined ? { yes: 0, no: samples.length } : headerScore(session, form);
  } });
}

function headerScore({ look, samples }: Session, form: HeaderForm): { yes: number; no: number } {
  const counts = new Map<string, number>();
  let all = 0;
  for (const sample of samples) {
    const header = sample.address - BigInt(form.body);
    const bytes = look.space.read(header, form.body);
    if (bytes === undefined) continue;
    all += 1;
    // Since Windows 10 the index is stored with a byte of the header's address and a cookie that all share.
    // Slots 0 and 1 hold no type: before 7 the offset of a name that processes do not have lies there.
    const plain = bytes[form.type]! < FIRST_TYPE ? [] : [`plain ${bytes[form.type]!}`];
    const keys = form.indexed ? [...plain, `encoded ${bytes[form.type]! ^ Number((header >> 8n) & 0xffn)}`]
      : look.isKernel(look.word(bytes, form.type)) ? [`type ${look.word(bytes, form.type)}`] : [];
    for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const yes = Math.max(0, ...counts.values());
  return { yes, no: all - yes };
}

/** `_HANDLE_TABLE` and `_HANDLE_TABLE_ENTRY`. */
export function deriveHandles(session: Session): void {
  const { look, draft, context, samples, header } = session;
  const offset = context.offset('ObjectTable');
  if (offset === undefined) return;
  const owners = new Map<bigint, Sample>();
  const tables: Sample[] = [];
  for (const sample of samples) {
    const address = look.word(sample.bytes, offset);
    const table = look.isKernel(address) && !owners.has(address) ? look.sample(address, TABLE_WINDOW) : undefined;
    if (table === undefined) continue;
    owners.set(address, sample);
    tables.push(table);
  }
  const tableContext = { process: context, owners };
  let code: number | undefined;
  for (const rule of TABLE_RULES) {
    const found = apply(session, rule, tables, tableContext);
    if (rule.path === 'TableCode') code = found?.offset;
  }
  if (code === undefined || header === undefined) return;
  const at = code;
  const pages = tables.slice(0, MAX_TABLES).flatMap((table) => entries(session, look.word(table.bytes, at)) ?? []);
  const bodies = new Set(session.list.processes);
  const entryScore = (form: EntryForm): { yes: number; no: number } => {
    let yes = 0;
    let no = 0;
    const [size] = form.fact;
    for (const page of pages) {
      for (let entry = size; entry + size <= page.length; entry += size) {
        const word = look.word(page, entry);
        if (word === 0n) continue;
        const address = BigInt.asUintN(8 * look.pointerSize, form.header(word));
        if (look.isKernel(address) && bodies.has(address + BigInt(header.body))) yes += 1;
        // What is in use leads to an object: its counts are small.
        else if (!look.isKernel(address) || look.space.translate(address) === undefined) no += 0.01;
      }
    }
    return { yes, no: Math.floor(no) };
  };
  const best = bestForm(entryForms(session), entryScore, 1);
  if (best === undefined) {
    draft.missing.push('_HANDLE_TABLE_ENTRY: no known form leads from the handles of any process to a process');
    return;
  }
  draft.add({ _HANDLE_TABLE_ENTRY: best.form.fact });
  draft.facts.push({ what: '_HANDLE_TABLE_ENTRY', value: best.form.name, how: 'handles lead to listed processes', confidence: confidence(best), checkedOn: best.yes });
  session.entry = best.form;
  const [size] = best.form.fact;
  for (const page of pages) {
    for (let entry = size; entry + size <= page.length; entry += size) {
      const address = BigInt.asUintN(8 * look.pointerSize, best.form.header(look.word(page, entry)));
      if (look.isKernel(address)) session.openObjects.add(address + BigInt(header.body));
    }
  }
}

/** With 32 bits both forms lead to the same: which it is, is told by the age that the VADs show. */
function entryForms({ look, vad }: Session): readonly EntryForm[] {
  const forms = ENTRY_FORMS.filter(({ pointerSize, virtualBits = 48 }) => pointerSize === look.pointerSize && (virtualBits === 48 || virtualBits === look.space.mode.virtualBits));
  return look.pointerSize === 4 && vad !== undefined && vad.form.flags1 !== undefined ? forms.reverse() : forms;
}

/** The first page of a table's entries, and the second where there are more; undefined when none is in the image. */
function entries({ look }: Session, code: bigint): Buffer[] | undefined {
  const level = Number(code & 7n);
  let page = code & ~7n;
  for (let depth = level; depth > 0; depth -= 1) page = look.pointer(page) ?? 0n;
  const bytes = look.isKernel(page) ? look.space.read(page, PAGE) : undefined;
  return bytes === undefined ? undefined : [bytes];
}

/** `_OBJECT_TYPE`: Name, Index and Key of the type Process, by the variable that the kernel exports or the header's own pointer. */
export function deriveTypes(session: Session): void {
  const { look, draft, samples, header } = session;
  const rva = look.image?.exported('PsProcessType');
  const exported = rva === undefined || look.image === undefined ? undefined : look.pointer(look.image.base + BigInt(rva));
  const own = header === undefined || header.indexed ? undefined : look.pointer(samples[0]!.address - BigInt(header.body - header.type));
  const type = exported ?? own ?? session.processType;
  if (type === undefined || !look.isKernel(type)) {
    draft.missing.push('_OBJECT_TYPE: neither the export PsProcessType nor ObTypeIndexTable leads to the type Process');
    return;
  }
  const form = TYPE_FORMS.find((each) => each.pointerSize === look.pointerSize && typeName(session, type, each.name) === 'Process'
    && look.space.read(type + BigInt(each.key), 4)?.toString('latin1') === 'Proc');
  if (form === undefined) {
    draft.missing.push('_OBJECT_TYPE: no known form gives the type Process its name and key');
    return;
  }
  draft.add({ _OBJECT_TYPE: [form.key + 4, [['Name', form.name, '_UNICODE_STRING'], ['Index', form.index, header?.indexed === false ? 'unsigned long' : 'unsigned char'], ['Key', form.key, 'unsigned long']]] });
  draft.facts.push({ what: '_OBJECT_TYPE.Name', value: form.name, how: 'the type Process has its name and the key Proc', confidence: 0.95, checkedOn: 1 });
  draft.facts.push({ what: '_OBJECT_TYPE.Key', value: form.key, how: 'the type Process has its name and the key Proc', confidence: 0.95, checkedOn: 1 });
}

/** The name at a place of what may be an `_OBJECT_TYPE`; undefined when there is none. */
export function typeName({ look }: Pick<Session, 'look'>, type: bigint, at: number): string | undefined {
  const string = look.isKernel(type) ? look.space.read(type + BigInt(at), 2 * look.pointerSize) : undefined;
  if (string === undefined) return undefined;
  const length = string.readUInt16LE(0);
  const buffer = look.word(string, look.pointerSize);
  if (length === 0 || length > 64 || length % 2 !== 0 || !look.isKernel(buffer)) return undefined;
  const text = look.space.read(buffer, length);
  return text === undefined ? undefined : utf16(text);
}

/** What tokens of XP and 2003 do not have. */
const SINCE_VISTA: ReadonlySet<string> = new Set(['IntegrityLevelIndex', 'Privileges.Present']);

/** `_TOKEN`. */
export function deriveTokens(session: Session): void {
  const { look, draft, context, samples } = session;
  const offset = context.offset('Token');
  if (offset === undefined) return;
  const owners = new Map<bigint, Sample>();
  const tokens: Sample[] = [];
  const mask = look.pointerSize === 8 ? ~0xfn : ~0x7n;
  for (const sample of samples) {
    const address = look.word(sample.bytes, offset) & mask;
    const token = look.isKernel(address) && !owners.has(address) ? look.sample(address, TOKEN_WINDOW) : undefined;
    if (token === undefined) continue;
    owners.set(address, sample);
    tokens.push(token);
  }
  const tokenContext: TokenContext = { process: context, owners, known: new Map() };
  draft.add({ _TOKEN: [0x20, [['TokenSource', 0, '_TOKEN_SOURCE'], ['TokenId', 0x10, '_LUID'], ['AuthenticationId', 0x18, '_LUID']]] });
  for (const rule of TOKEN_RULES) {
    if (session.vad?.form.direct === true && SINCE_VISTA.has(rule.path)) continue;
    const found = apply(session, rule, tokens, tokenContext);
    if (found !== undefined) tokenContext.known.set(rule.path, found.offset);
  }
  const sets = tokenContext.known.get('Privileges.Present');
  const [groups, count] = [tokenContext.known.get('UserAndGroups'), tokenContext.known.get('UserAndGroupCount')];
  if (sets === undefined && groups !== undefined && count !== undefined) {
    // Until Vista an array of LUIDs, its count and pointer behind those of the groups and restricted SIDs.
    draft.field('_TOKEN', 'PrivilegeCount', count + 8, 'unsigned long');
    draft.field('_TOKEN', 'Privileges', groups + 3 * look.pointerSize, '*_LUID_AND_ATTRIBUTES');
  }
  if (sets !== undefined) {
    draft.field('_TOKEN', 'Privileges.Enabled', sets + 8, 'unsigned long long');
    draft.field('_TOKEN', 'Privileges.EnabledByDefault', sets + 16, 'unsigned long long');
  }
}
