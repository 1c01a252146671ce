import { big, nonZero, number, optional, struct } from '../profile/struct.js';
import { threadLabel, yes, type FactReader } from './object-facts.js';

const EVENT = struct('_KEVENT', { type: number('Header.Type'), state: number('Header.SignalState') });
const MUTANT = struct('_KMUTANT', { state: number('Header.SignalState'), owner: nonZero('OwnerThread'), abandoned: optional(number('Abandoned')) });
const SEMAPHORE = struct('_KSEMAPHORE', { state: number('Header.SignalState'), limit: number('Limit') });
const TIMER = struct('_ETIMER', {
  type: number('KeTimer.Header.Type'), state: number('KeTimer.Header.SignalState'), due: big('KeTimer.DueTime'), period: optional(number('KeTimer.Period')), every: optional(number('Period')),
});

/** `_DISPATCHER_HEADER.Type` (KOBJECTS): odd ones let one waiter through. Newer builds keep other bits beside it. */
const TYPE_BITS = 0x7f;
const SYNCHRONIZATION_EVENT = 1;
const SYNCHRONIZATION_TIMER = 9;
const TICKS_PER_SECOND = 1e7;

const signalled = (state: number): string => (state === 0 ? 'not signalled' : 'signalled');

export const eventFacts: FactReader = (kernel, { body }) => {
  const event = kernel.read(EVENT, body);
  return event && [
    ['State', signalled(event.state)],
    ['Kind', (event.type & TYPE_BITS) === SYNCHRONIZATION_EVENT ? 'synchronization (lets one waiter through)' : 'notification (lets all waiters through)'],
  ];
};

export const mutantFacts: FactReader = (kernel, { body }) => {
  const mutant = kernel.read(MUTANT, body);
  if (mutant === undefined) return undefined;
  // One when free; each acquisition by its owner takes one away.
  const count = 1 - mutant.state;
  return [
    ['State', mutant.state > 0 ? 'free' : 'held'], ['Held times', String(Math.max(0, count))],
    ['Owner thread', mutant.owner === undefined ? 'none' : threadLabel(kernel, mutant.owner)], ['Abandoned', yes(mutant.abandoned)],
  ];
};

export const semaphoreFacts: FactReader = (kernel, { body }) => {
  const semaphore = kernel.read(SEMAPHORE, body);
  return semaphore && [['State', signalled(semaphore.state)], ['Count', String(semaphore.state)], ['Limit', String(semaphore.limit)]];
};

export const timerFacts: FactReader = (kernel, { body }) => {
  const timer = kernel.read(TIMER, body);
  return timer && [
    ['State', signalled(timer.state)],
    ['Kind', (timer.type & TYPE_BITS) === SYNCHRONIZATION_TIMER ? 'synchronization (lets one waiter through)' : 'notification (lets all waiters through)'],
    // Interrupt time, which counts from boot.
    ['Due', timer.due === 0n ? 'never set' : `${(Number(timer.due) / TICKS_PER_SECOND).toFixed(3)} s after boot`],
    ['Period', `${timer.every ?? timer.period ?? 0} ms`],
  ];
};
