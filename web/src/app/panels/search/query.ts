/** What people write to find messages: taken apart and put together, as the server reads it. */

export type Operator = "from" | "in" | "has" | "before" | "after";

const OPERATORS: ReadonlySet<string> = new Set(["from", "in", "has", "before", "after"]);

// Words in quotes, which may be open to the end, with what is glued to them; and all others.
const ITEM = /-?"[^"]*"?\*?|[^\s"]+/g;

/** The items of a query: words, `"words in a row"`, and operators with their values. */
function items(query: string): string[] {
  const found = query.replace(/[“”„‟«»＂]/g, '"').match(ITEM) ?? [];
  return found.map((item) => (/^-?"[^"]*$/.test(item) ? `${item.trimEnd()}"` : item));
}

function operatorOf(item: string): Operator | null {
  const name = item.slice(0, Math.max(0, item.indexOf(":"))).toLowerCase();
  return OPERATORS.has(name) ? (name as Operator) : null;
}

/** What each operator in it says. */
export function operators(query: string): ReadonlyMap<Operator, string> {
  const found = new Map<Operator, string>();
  for (const item of items(query)) {
    const name = operatorOf(item);
    if (name) found.set(name, item.slice(name.length + 1));
  }
  return found;
}

/** The query with that operator saying that, and nothing for an empty value. */
export function withOperator(query: string, name: Operator, value: string): string {
  const others = items(query).filter((item) => operatorOf(item) !== name);
  if (value) others.push(`${name}:${value}`);
  return others.join(" ");
}

/** Whether there is something to look for: the times alone are too much to find. */
export function findable(query: string): boolean {
  return items(query).some((item) => {
    const name = operatorOf(item);
    if (name) return name !== "before" && name !== "after" && item.length > name.length + 1;
    return !item.startsWith("-") && /[\p{L}\p{N}]/u.test(item);
  });
}
