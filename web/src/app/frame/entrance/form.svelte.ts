import { tick } from "svelte";

import { Problem } from "../../../core/problem";
import { t } from "../../../i18n/index.svelte";
import { refusals, why } from "../../../i18n/why.svelte";

/** What is filled in and sent: whether it is on its way, and what was wrong with it. */
export class Form<Name extends string> {
  busy = $state(false);
  /** What is wrong with all of it. */
  error = $state("");
  /** What is wrong with one of the fields. */
  errors = $state.raw<Partial<Record<Name, string>>>({});

  /** Send what is filled in, if it is, and well; and say why it did not work, where it did not. */
  async send(
    event: SubmitEvent,
    values: Record<Name, string>,
    work: () => Promise<void>,
    check: (name: Name) => string = () => "",
  ): Promise<void> {
    event.preventDefault();
    if (this.busy) return;
    const form = event.currentTarget as HTMLFormElement;
    const names = Object.keys(values) as Name[];
    const wrong = names
      .map((name) => [name, values[name].trim() ? check(name) : t().frame.fillIn] as const)
      .filter(([, text]) => text);
    this.error = "";
    this.errors = Object.fromEntries(wrong) as typeof this.errors;
    if (wrong.length === 0) {
      this.busy = true;
      try {
        await work();
      } catch (error) {
        await refusals();
        this.#refused(error, names);
      }
      this.busy = false;
    }
    await tick();
    form.querySelector<HTMLElement>("[aria-invalid]")?.focus();
  }

  #refused(error: unknown, names: readonly Name[]): void {
    if (!(error instanceof Problem)) {
      this.error = String(error);
      return;
    }
    const text = why(error);
    const at = error.kind === "name-taken" ? "name" : error.kind;
    const fields = names.filter((name) => name === at || error.fields.has(name));
    if (fields.length === 0) this.error = text;
    else this.errors = Object.fromEntries(fields.map((name) => [name, text])) as typeof this.errors;
  }
}
