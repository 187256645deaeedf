/** Files among what was pasted or dropped, and which of them a message takes. */

import type { Limits } from "../../core/types";

/** What was pasted as files; nothing where it is meant as text (tables and texts bring pictures). */
export function pastedFiles(data: DataTransfer): File[] {
  const formatted = data.types.includes("text/html") && data.types.includes("text/plain");
  return formatted ? [] : [...data.files];
}

/** What was dropped, without folders, which no browser brings as one. */
export function droppedFiles(data: DataTransfer): { files: File[]; folders: boolean } {
  const items = [...data.items].filter((one) => one.kind === "file");
  const folders = items.filter((one) => one.webkitGetAsEntry()?.isDirectory);
  const files = items
    .filter((one) => !folders.includes(one))
    .map((one) => one.getAsFile())
    .filter((one) => one !== null);
  return { files, folders: folders.length > 0 };
}

export interface Fitting {
  /** What the message takes of them. */
  readonly taken: readonly File[];
  /** What is larger than the server takes. */
  readonly large: readonly File[];
  /** How many there were too many of. */
  readonly left: number;
}

/** Which of these go with a message that has so many already. */
export function fitting(files: readonly File[], there: number, limits: Limits): Fitting {
  const large = files.filter((one) => one.size > limits.file_bytes);
  const small = files.filter((one) => !large.includes(one));
  const taken = small.slice(0, Math.max(0, limits.files - there));
  return { taken, large, left: small.length - taken.length };
}
