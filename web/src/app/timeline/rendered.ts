/** Messages as HTML, each made once. */

import type { People } from "../../core/model";
import type { Id } from "../../core/types";
import { markdown, type Named } from "./markdown";
import { type SafeHtml, sanitized } from "./sanitize";

/** Names of everybody, as the server has them. */
const EVERYBODY = ["room", "all", "everyone"];

interface Made {
  readonly key: string;
  readonly html: SafeHtml;
}

const made = new WeakMap<object, Made>();

/** By what name whom is mentioned. */
export function namesOf(mentions: readonly Id[], people: People, me: Id): Map<string, Named> {
  const names = new Map<string, Named>();
  for (const id of mentions) {
    if (id === "*") for (const name of EVERYBODY) names.set(name, { id, me: true });
    const name = id === "*" ? null : people.get(id).name;
    if (name) names.set(name.toLowerCase(), { id, me: id === me });
  }
  return names;
}

/** `text` as HTML; made once for the same names as long as there is the object that it is of. */
export function rendered(text: string, names: Map<string, Named>, of: object | null): SafeHtml {
  const key = `${[...names.keys()].join(" ")}\n${text}`;
  const before = of && made.get(of);
  if (before?.key === key) return before.html;
  const html = sanitized(markdown(text, names));
  if (of) made.set(of, { key, html });
  return html;
}
