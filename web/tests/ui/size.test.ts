import { expect, it } from "vitest";

import { fileSize } from "../../src/ui/size";

it.each([
  [0, "0 bytes"],
  [999, "999 bytes"],
  [1400, "1.4 kB"],
  [48_213, "48 kB"],
  [20_000_000, "20 MB"],
  [3_200_000_000, "3.2 GB"],
])("says how big a file is: %d", (bytes, expected) => {
  expect(fileSize(bytes, "en")).toBe(expected);
});
