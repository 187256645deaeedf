import { expect, it } from "vitest";

import { oneLine, replyTo } from "../../src/app/composer/quote";
import type { Message } from "../../src/core/types";

const message = (text: string, ...files: string[]) =>
  ({ id: 7, user: "u", text, files: files.map((name) => ({ name })) }) as unknown as Message;

it("quotes the beginning of a message, in whole characters", () => {
  const reply = replyTo(message("😄".repeat(300)));
  expect(reply).toEqual({ id: 7, user: "u", text: "😄".repeat(200) });
});

it("quotes the names of files where nothing else was said", () => {
  expect(replyTo(message("", "a.png", "b.pdf")).text).toBe("a.png, b.pdf");
});

it("has a text in one line", () => {
  expect(oneLine("a\n\n```js\nb  c\n```")).toBe("a b c");
});
