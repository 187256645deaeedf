/**
 * Whether a field that has just come may have the keyboard: not from who is at something else
 * already, and not where a keyboard on the screen would cover the messages.
 */
export function mayFocus(): boolean {
  if (matchMedia("(pointer: coarse)").matches) return false;
  if (document.querySelector("dialog[open]")) return false;
  const active = document.activeElement;
  return !active?.closest("main") || active.matches("main, h1");
}
