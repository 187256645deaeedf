/** Something that changes, and tells whoever asked to be told. */
export interface Observable {
  /** Have `told` called after each change; the answer ends that. */
  subscribe(told: () => void): () => void;
}

/** What tells: changes within one turn of the event loop are told once. */
export class Source implements Observable {
  #told = new Set<() => void>();
  #due = false;

  subscribe(told: () => void): () => void {
    this.#told.add(told);
    return () => this.#told.delete(told);
  }

  /** Whether anybody is told. */
  protected get watched(): boolean {
    return this.#told.size > 0;
  }

  /** To be called after something has changed. */
  protected changed(): void {
    if (this.#due) return;
    this.#due = true;
    queueMicrotask(() => {
      this.#due = false;
      for (const told of [...this.#told]) told();
    });
  }
}
