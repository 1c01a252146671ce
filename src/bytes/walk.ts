import type { Anomalies } from './anomaly.js';

/** A step's answer: nothing more, or the next nodes to visit. */
export interface Step<N> {
  readonly next: Iterable<N>;
}

export interface WalkLimits {
  /** The place named in the anomaly. */
  readonly where: string;
  /** No more nodes than this are visited. */
  readonly cap: number;
  readonly anomalies: Anomalies;
}

/**
 * The one walker of all links (lists, trees, directories): visits nodes once each, in the order they are named,
 * and stops on what cannot be read, on repetition and at the cap. Repetition and cap are anomalies, since the
 * image is written by the adversary.
 *
 * @param roots the first nodes
 * @param key a node's identity
 * @param visit reads a node: its value and the nodes it leads to, or undefined when it cannot be read
 * @param closes tells an expected end (a list's head) from a loop
 */
export function* walk<N, V>(
  roots: Iterable<N>,
  key: (node: N) => bigint | number | string,
  visit: (node: N) => { value: V; next: Iterable<N> } | undefined,
  limits: WalkLimits,
  closes: (node: N) => boolean = () => false,
): Generator<V> {
  const seen = new Set<bigint | number | string>();
  const queue: N[] = [...roots].reverse();
  while (queue.length > 0) {
    const node = queue.pop() as N;
    if (closes(node)) continue;
    const id = key(node);
    const place = typeof id === 'string' ? undefined : id;
    if (seen.has(id)) {
      limits.anomalies.add(limits.where, 'a link leads back to a node already visited', place);
      continue;
    }
    if (seen.size >= limits.cap) {
      limits.anomalies.add(limits.where, `stopped after ${limits.cap} nodes`, place);
      return;
    }
    seen.add(id);
    const step = limits.anomalies.attempt(limits.where, () => visit(node));
    if (step === undefined) {
      limits.anomalies.add(limits.where, 'a node cannot be read', place);
      continue;
    }
    yield step.value;
    // One by one: a hostile node may name more neighbours than a call takes arguments.
    const next = [...step.next];
    for (let i = next.length - 1; i >= 0; i -= 1) queue.push(next[i] as N);
  }
}
