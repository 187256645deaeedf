/** Where code is in a text: what looks like a mention or a short code there is none. */

/** As the server sees it: fences, also one that is not closed, and `…` within a line. */
export const CODE = /```[\s\S]*?(?:```|$)|`[^`\n]+`/g;

/** Whether something written at `at` is within a fence that is open there. */
export function inFence(text: string, at: number): boolean {
  return (text.slice(0, at).split("```").length - 1) % 2 === 1;
}

/** Whether something written at `at` is within code, closed already or not. */
export function inCode(text: string, at: number): boolean {
  if (inFence(text, at)) return true;
  const line = text.slice(text.lastIndexOf("\n", at - 1) + 1, at).replaceAll("```", "");
  return (line.split("`").length - 1) % 2 === 1;
}
