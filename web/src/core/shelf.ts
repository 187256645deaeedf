/** Where things are kept over a reload: `localStorage`, or what is like it. */
export type Shelf = Pick<Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">;

/** What follows the prefix, of all names that begin with it. */
export function named(shelf: Shelf, prefix: string): string[] {
  const names = Array.from({ length: shelf.length }, (_, index) => shelf.key(index) ?? "");
  return names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
}

/** What is kept under that name; what nobody can read is nothing. */
export function recall<T>(shelf: Shelf, name: string): T | null {
  try {
    return JSON.parse(shelf.getItem(name) ?? "null") as T | null;
  } catch {
    return null; // somebody else's
  }
}

/** Keep it, or nothing more for null. Where the shelf is full, the page alone knows it. */
export function keep(shelf: Shelf, name: string, value: unknown): void {
  try {
    if (value === null) shelf.removeItem(name);
    else shelf.setItem(name, JSON.stringify(value));
  } catch {
    // It is there as long as the page is open.
  }
}
