import { expect, test } from "vitest";

import { suggested } from "../../src/app/frame/entrance/suggested";

test.each([
  ["Ann Example", "ann-example"],
  ["  Zoë  Größe ", "zoe-grosse"],
  ["J. R. R.", "j.-r.-r"],
  ["李雷", ""],
  ["_hidden_", "hidden"],
  [`${"long ".repeat(20)}`, "long-long-long-long-long-long-lo"],
])("%s is called %s", (display, name) => {
  expect(suggested(display)).toBe(name);
});
