/** Files among what was pasted or dropped. */

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
