import type { Sample } from './evidence.js';
import type { ProcessContext } from './process-context.js';
import { find, type FieldRule, type Verdict } from './rule.js';
import { apply, bestForm, confidence, type Session } from './session.js';
import { EPROCESS_WINDOW } from './system.js';
import { THREAD_FORMS, type ThreadForm } from './thread-forms.js';

/** `_DISPATCHER_HEADER.Type` of a thread (ThreadObject). */
const THREAD_OBJECT = 6;
/** A CID lies no farther from ThreadListEntry than this, and a thread begins no farther before it. */
const CID_REACH = 0x100;
const BASE_REACH = 0xa00;
const TAIL = 0x180;
const MAX_ID = 0x1000_0000;
const AT_LEAST = 3;
const MAX_PROCESSES = 48;
const MAX_THREADS = 160;
const THREADS_A_PROCESS = 8;
/** STATUS_PENDING. */
const PENDING = 0x103;
/** High words of FILETIMEs of 2000 and 2100. */
const FIRST_TIME = 0x01bf_53eb;
const LAST_TIME = 0x0230_0000;

interface ThreadContext {
  readonly process: ProcessContext;
  readonly owners: ReadonlyMap<bigint, Sample>;
  readonly teb: number | undefined;
}

interface Entry {
  readonly link: bigint;
  readonly owner: Sample;
}

/** `_EPROCESS.ThreadListHead` and `_ETHREAD`: the list whose entries stand beside a CID of the process. */
export function deriveThreads(session: Session): void {
  const { look, draft, context } = session;
  const place = threadList(session);
  if (place === undefined) {
    draft.missing.push('_EPROCESS.ThreadListHead: no list leads to CIDs of the process');
    return;
  }
  draft.field('_EPROCESS', 'ThreadListHead', place.head, '_LIST_ENTRY');
  draft.facts.push({ what: '_EPROCESS.ThreadListHead', value: place.head, how: 'a list whose entries stand beside a CID with the process\'s PID', confidence: confidence({ yes: place.votes, no: 0 }), checkedOn: place.votes });
  session.judges.set('_EPROCESS.ThreadListHead', { found: { offset: place.head, yes: place.votes, no: 0, rivals: [] },
    at: (offset) => ({ yes: votes(session, offset).get(place.cid) ?? 0, no: 0 }) });
  const entries = session.samples.slice(0, MAX_PROCESSES).flatMap((owner) => [...threadEntries(session, owner, place.head)]).slice(0, MAX_THREADS);
  const before = threadBase(session, entries);
  if (before === undefined) {
    draft.missing.push('_ETHREAD: no dispatcher header of a thread lies at one distance before all thread list entries');
    return;
  }
  const cid = before + place.cid;
  draft.field('_ETHREAD', 'ThreadListEntry', before, '_LIST_ENTRY');
  draft.field('_ETHREAD', 'Cid.UniqueProcess', cid, '*void');
  draft.field('_ETHREAD', 'Cid.UniqueThread', cid + look.pointerSize, '*void');
  for (const [path, offset] of [['ThreadListEntry', before], ['Cid', cid]] as const) {
    draft.facts.push({ what: `_ETHREAD.${path}`, value: offset, how: 'from the dispatcher header of a thread, one object type for all', confidence: confidence({ yes: entries.length, no: 0 }), checkedOn: entries.length });
    session.judges.set(`_ETHREAD.${path}`, { found: { offset, yes: entries.length, no: 0, rivals: [] }, at: () => ({ yes: 0, no: entries.length }) });
  }
  const owners = new Map<bigint, Sample>();
  const threads = entries.flatMap(({ link, owner }) => {
    const thread = look.sample(link - BigInt(before), before + TAIL);
    if (thread === undefined || thread.length < before) return [];
    owners.set(thread.address, owner);
    return [thread];
  });
  const form = threadForm(session, threads, owners);
  const threadContext: ThreadContext = { process: context, owners, teb: form?.teb };
  for (const rule of threadRules(before, cid, form)) {
    const found = apply(session, rule, threads, threadContext);
    if (rule.path === 'CreateTime' && found !== undefined) draft.field('_ETHREAD', 'ExitTime', found.offset + 8, '_LARGE_INTEGER');
  }
  const old = session.vad?.form.direct === true;
  for (const rules of startRules(before, cid, look.pointerSize, old)) {
    const scored = rules.map((rule) => ({ rule, yes: find(rule, threads, look.pointerSize, threadContext)?.yes ?? 0 })).sort((a, b) => b.yes - a.yes);
    apply(session, scored[0]!.rule, threads, threadContext);
  }
}

/** For one place of a list head: how often an entry lies at each distance from a CID of the process. */
function votes({ look, context, samples }: Session, offset: number): Map<number, number> {
  const counts = new Map<number, number>();
  const pointer = look.pointerSize;
  for (const sample of samples.slice(0, MAX_PROCESSES)) {
    if (offset % pointer !== 0 || offset < 0 || offset + 2 * pointer > sample.length) continue;
    if (!look.kernelAt(sample, offset) || !look.kernelAt(sample, offset + pointer)) continue;
    const flink = look.word(sample.bytes, offset);
    const head = sample.address + BigInt(offset);
    if (flink === head || look.pointer(flink + BigInt(pointer)) !== head) continue;
    const window = look.space.read(flink - BigInt(CID_REACH), 2 * CID_REACH + 2 * pointer);
    if (window === undefined) continue;
    const pid = context.pid(sample);
    for (let at = 0; at <= 2 * CID_REACH; at += pointer) {
      if (window.readUInt32LE(at) !== pid || look.word(window, at) !== BigInt(pid)) continue;
      const tid = look.word(window, at + pointer);
      if (tid === 0n || tid % 4n !== 0n || tid >= BigInt(MAX_ID)) continue;
      counts.set(at - CID_REACH, (counts.get(at - CID_REACH) ?? 0) + 1);
    }
  }
  return counts;
}

function threadList(session: Session): { head: number; cid: number; votes: number } | undefined {
  const { list, look } = session;
  let best: { head: number; cid: number; votes: number } | undefined;
  for (let head = list.linksOffset + 2 * look.pointerSize; head < EPROCESS_WINDOW - 16; head += look.pointerSize) {
    for (const [cid, count] of votes(session, head)) {
      if (count >= AT_LEAST && count > (best?.votes ?? 0)) best = { head, cid, votes: count };
    }
  }
  return best;
}

function* threadEntries({ look }: Session, owner: Sample, head: number): Generator<Entry> {
  const end = owner.address + BigInt(head);
  let link = look.word(owner.bytes, head);
  for (let step = 0; step < THREADS_A_PROCESS && link !== end && look.isKernel(link); step += 1) {
    yield { link, owner };
    const next = look.pointer(link);
    if (next === undefined) return;
    link = next;
  }
}

/** How far before its list entry a thread begins: a dispatcher header of type 6 everywhere, and one object type. */
function threadBase({ look, header }: Session, entries: readonly Entry[]): number | undefined {
  const align = 2 * look.pointerSize;
  const windows = entries.flatMap(({ link }) => {
    const bytes = Buffer.alloc(BASE_REACH);
    return look.space.fill(link - BigInt(BASE_REACH), bytes) === BASE_REACH ? [] : [{ link, bytes }];
  });
  const first = windows[0];
  if (windows.length < AT_LEAST || first === undefined) return undefined;
  let best: { before: number; score: number } | undefined;
  for (let before = Number((first.link & BigInt(align - 1)) + BigInt(align)); before <= BASE_REACH - (header?.body ?? 0x30); before += align) {
    let objects = 0;
    const types = new Map<number | bigint, number>();
    for (const { link, bytes } of windows) {
      const at = BASE_REACH - before;
      if (bytes[at] !== THREAD_OBJECT || (link - BigInt(before)) % BigInt(align) !== 0n) continue;
      objects += 1;
      if (header === undefined) continue;
      const place = at - header.body + header.type;
      const address = link - BigInt(before) - BigInt(header.body);
      const keys = header.indexed ? [bytes[place]! ^ Number((address >> 8n) & 0xffn), 0x100 + bytes[place]!] : [look.word(bytes, place)];
      for (const key of keys) types.set(key, (types.get(key) ?? 0) + 1);
    }
    const score = objects + Math.max(0, ...types.values());
    if (objects >= windows.length * 0.9 && score > (best?.score ?? 0)) best = { before, score };
  }
  return best?.before;
}

function threadForm(session: Session, threads: readonly Sample[], owners: ReadonlyMap<bigint, Sample>): ThreadForm | undefined {
  const { look, draft } = session;
  const forms = THREAD_FORMS.filter(({ pointerSize }) => pointerSize === look.pointerSize);
  const count = (form: ThreadForm): { yes: number; no: number } => {
    let yes = 0;
    let no = 0;
    for (const thread of threads) {
      const verdict = formVerdict(session, thread, owners.get(thread.address), form);
      if (verdict === 'yes') yes += 1;
      if (verdict === 'no') no += 1;
    }
    return { yes, no };
  };
  const best = bestForm(forms, count, AT_LEAST);
  if (best === undefined) {
    draft.missing.push('_KTHREAD: no known form gives the threads their process, TEB and stack');
    return undefined;
  }
  const { form } = best;
  const fields: [string, number | undefined, string][] = [
    ['Process', form.process, '*_KPROCESS'], ['Teb', form.teb, '*void'], ['InitialStack', form.initialStack, '*void'], ['StackLimit', form.stackLimit, '*void'],
    ['StackBase', form.stackBase, '*void'], ['TrapFrame', form.trapFrame, '*_KTRAP_FRAME'], ['State', form.state, 'unsigned char'], ['WaitReason', form.waitReason, 'unsigned char'],
    ['BasePriority', form.basePriority, 'char'], ['Priority', form.priority, 'char'], ['SuspendCount', form.suspendCount, 'char'], ['Running', form.running, 'unsigned char'],
  ];
  for (const [path, offset, type] of fields) {
    if (offset === undefined) continue;
    draft.field('_ETHREAD', `Tcb.${path}`, offset, type);
    if (['Process', 'Teb', 'StackBase', 'StackLimit'].includes(path)) {
      session.judges.set(`_ETHREAD.Tcb.${path}`, { found: { offset, yes: best.yes, no: best.no, rivals: [] }, at: () => ({ yes: 0, no: best.yes }) });
    }
  }
  draft.facts.push({ what: '_KTHREAD', value: form.name, how: 'process, TEB (that names itself) and kernel stack of each thread', confidence: confidence(best), checkedOn: best.yes });
  return form;
}

function formVerdict({ look, context }: Session, thread: Sample, owner: Sample | undefined, form: ThreadForm): Verdict {
  if (owner === undefined) return 'silent';
  if (form.process !== undefined && look.word(thread.bytes, form.process) !== owner.address) return 'no';
  const [limit, base, initial] = [form.stackLimit, form.stackBase, form.initialStack].map((at) => look.word(thread.bytes, at));
  // The stack of a thread that has ended is gone.
  if (base !== 0n && (!look.isKernel(base!) || base! % 0x1000n !== 0n || limit! >= base! || initial! > base!)) return 'no';
  if (thread.bytes[form.state]! > 9) return 'no';
  if (look.zeroAt(thread, form.teb)) return context.isSystem(owner) ? 'yes' : 'silent';
  const teb = look.word(thread.bytes, form.teb);
  if (!look.isUser(teb) || teb % 0x1000n !== 0n) return 'no';
  const space = context.space(owner);
  const self = space === undefined ? undefined : look.pointer(teb + (look.pointerSize === 8 ? 0x30n : 0x18n), space);
  return self === undefined ? 'silent' : self === teb ? 'yes' : 'no';
}

/** The rest of `_ETHREAD`, around the CID and the list entry. */
function threadRules(entry: number, cid: number, form: ThreadForm | undefined): readonly FieldRule<ThreadContext>[] {
  const around = (): readonly [number, number] => [Math.max(0x100, Math.min(cid, entry) - 0x80), Math.max(cid, entry) + TAIL - 16];
  return [
    {
      struct: '_ETHREAD', path: 'CreateTime', type: '_LARGE_INTEGER', step: 8, range: around,
      how: 'a time of this century, not before the process\'s creation',
      test: (thread, offset, { process, owners }) => {
        const high = thread.words[(offset >>> 2) + 1]!;
        // XP and the first 2003 keep three bits below the time.
        const time = form !== undefined && /XP|2003$/.test(form.name) ? thread.bytes.readBigUInt64LE(offset) >> 3n : thread.bytes.readBigUInt64LE(offset);
        if (time >> 32n < BigInt(FIRST_TIME) || time >> 32n > BigInt(process.lastTime ?? LAST_TIME) || high === 0) return 'no';
        const owner = owners.get(thread.address);
        const born = owner === undefined ? undefined : process.time(owner, 'CreateTime');
        return born === undefined || time + 10_000_000n >= born ? 'yes' : 'no';
      },
    },
    {
      struct: '_ETHREAD', path: 'ExitStatus', type: 'long', step: 4, range: around, tolerance: 0.34,
      how: 'STATUS_PENDING in most threads',
      test: (thread, offset) => (thread.words[offset >>> 2] === PENDING ? 'yes' : 'no'),
    },
  ];
}

/**
 * Where a thread began, as the kernel and as its process see it. Since Vista five pointers before the CID, and two or three before the list
 * entry; until then (`old`) two and one before the list entry.
 */
function startRules(entry: number, cid: number, pointer: number, old: boolean): readonly (readonly FieldRule<ThreadContext>[])[] {
  const rule = (path: string, at: number): FieldRule<ThreadContext> => ({
    struct: '_ETHREAD', path, type: '*void', range: () => [at, at + 1],
    how: 'an address of the kernel half in kernel threads, of the process in the others',
    test: startVerdict,
  });
  if (old) return [[rule('StartAddress', entry - 2 * pointer)], [rule('Win32StartAddress', entry - pointer)]];
  return [[rule('StartAddress', cid - 5 * pointer)], [entry - 2 * pointer, entry - 3 * pointer].map((at) => rule('Win32StartAddress', at))];
}

function startVerdict(thread: Sample, offset: number, { process: { look }, teb }: ThreadContext): Verdict {
  if (look.zeroAt(thread, offset) || teb === undefined) return 'silent';
  return (look.zeroAt(thread, teb) ? look.kernelAt(thread, offset) : look.userAt(thread, offset)) ? 'yes' : 'no';
}
