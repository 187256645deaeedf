/** Something that may be refused: whether it is under way, and why it was not done. */

import { Problem } from "../../../core/problem";
import { why } from "../../../i18n/why.svelte";

export class Attempt {
  busy = $state(false);
  problem = $state.raw<Problem | null>(null);
  /** For people; empty where nothing went wrong. */
  readonly why = $derived(this.problem ? why(this.problem) : "");

  /** True if it was done. One that is under way is not begun again. */
  async make(deed: () => Promise<unknown>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.forget();
    try {
      await deed();
      return true;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.problem = error;
      return false;
    } finally {
      this.busy = false;
    }
  }

  forget(): void {
    this.problem = null;
  }
}
