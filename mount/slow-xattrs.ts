import type { Renderer } from './renderer.js';

type Attributes = Readonly<Record<string, string>>;

/** Paths whose answers are remembered. */
const KEPT = 1024;

/** Extended attributes that take long, asked of the render worker; what asks in a row (`getfattr -d`) waits for one answer. */
export class SlowXattrs {
  readonly #known = new Map<string, Promise<Attributes>>();

  /** @param renderer undefined: they are made here */
  constructor(private readonly renderer: Renderer | undefined) {}

  /** The model has learned more. */
  changed(): void {
    this.#known.clear();
  }

  /** @param here makes them on this thread */
  read(path: string, here: () => Attributes): Promise<Attributes> {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const asked = this.#ask(path, here);
    this.#known.set(path, asked);
    // What failed is asked again.
    asked.catch(() => this.#known.delete(path));
    if (this.#known.size > KEPT) this.#known.delete(this.#known.keys().next().value as string);
    return asked;
  }

  async #ask(path: string, here: () => Attributes): Promise<Attributes> {
    if (this.renderer === undefined) return here();
    const answer = await this.renderer.xattrs(path);
    if (answer === undefined) throw new Error(`the render worker does not know ${path}`);
    return answer;
  }
}
