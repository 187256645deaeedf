/** What addresses mean, behind their `#`. */

import type { Id } from "../core/types";

/** A link that is good for a while: an account's, a room's; and why a provider let nobody in. */
export type LinkKind = "welcome" | "invite" | "pass" | "problem";

export type Route =
  | { name: "home"; params: Record<string, never> }
  | { name: "room"; params: { room: Id; message: number | null } }
  | { name: "browse"; params: Record<string, never> }
  | { name: "settings" | "admin"; params: { tab: string } }
  | { name: "search"; params: { q: string } }
  | { name: "link"; params: { kind: LinkKind; code: string } };

const LINK = /^#(welcome|invite|pass|problem)=(.+)$/;

/** Where that leads. */
export function parse(hash: string): Route {
  const link = LINK.exec(hash);
  if (link) {
    const kind = link[1] as LinkKind;
    return { name: "link", params: { kind, code: decoded(link[2] ?? "") } };
  }
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [name, first = "", second = ""] = path.split("/").map(decoded);
  switch (name) {
    case "rooms":
      if (!first) break;
      return { name: "room", params: { room: first, message: Number(second) || null } };
    case "browse":
      return { name, params: {} };
    case "settings":
    case "admin":
      return { name, params: { tab: first } };
    case "search":
      return { name, params: { q: new URLSearchParams(query).get("q") ?? "" } };
  }
  return { name: "home", params: {} };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
