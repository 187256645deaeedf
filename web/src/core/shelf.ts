/** Where things are kept over a reload: `localStorage`, or what is like it. */
export type Shelf = Pick<Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">;

/** What follows the prefix, of all names that begin with it. */
export function named(shelf: Shelf, prefix: string): string[] {
  const names = Array.from({ length: shelf.length }, (_, index) => shelf.key(index) ?? "");
  return names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
}
