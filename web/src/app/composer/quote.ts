import type { FileInfo, Message, Reply } from "../../core/types";

/** Characters of a message that its replies show, as the server has it. */
const EXCERPT = 200;

/** What an answer to that message has of it. */
export function replyTo(message: Message): Reply {
  const text = [...message.text.slice(0, 2 * EXCERPT)].slice(0, EXCERPT).join("");
  return { id: message.id, user: message.user, text: text || named(message.files) };
}

/** A text in one line, without the signs of Markdown that only get in the way there. */
export function oneLine(text: string): string {
  return text
    .replace(/```\w*/g, " ")
    .replace(/\s+/g, " ")
    .trim();
}

function named(files: readonly FileInfo[]): string {
  return files.map((one) => one.name).join(", ");
}
