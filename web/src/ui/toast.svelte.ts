/** Short words about what has happened: `toast("Copied")`. They go by themselves. */

import { refusals, why } from "../i18n/why.svelte";

export type ToastKind = "info" | "good" | "bad";

export interface ToastAction {
  label: string;
  run: () => void;
}

export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly kind: ToastKind;
  readonly action: ToastAction | null;
}

const MOST = 4;

let last = 0;
let shown = $state.raw<readonly Toast[]>([]);

export function toasts(): readonly Toast[] {
  return shown;
}

/** The answer takes it back. */
export function toast(
  text: string,
  kind: ToastKind = "info",
  action: ToastAction | null = null,
): () => void {
  const id = (last += 1);
  // The same thing said twice is said once.
  const others = shown.filter((one) => one.text !== text);
  shown = [...others, { id, text, kind, action }].slice(-MOST);
  return () => dismiss(id);
}

/** Say why something did not work. */
export function toastProblem(error: unknown): void {
  void refusals().then(() => toast(why(error), "bad"));
}

export function dismiss(id: number): void {
  shown = shown.filter((one) => one.id !== id);
}
