/** Texts with names, times and the like in them: pieces, so that a page can isolate each. */

import type { Id } from "../../../core/types";

/** What stands in a sentence: plain text, somebody, or what somebody wrote. */
export type Piece = { text: string } | { user: Id } | { said: string };

/** The pieces of a text such as `"{by} removed {user}"`. What has no value stays as it is. */
export function pieces(template: string, values: Readonly<Record<string, Piece>>): Piece[] {
  const found: Piece[] = [];
  for (const part of template.split(/(\{\w+\})/)) {
    const value = part.startsWith("{") ? values[part.slice(1, -1)] : undefined;
    if (value) found.push(value);
    else if (part) found.push({ text: part });
  }
  return found;
}
