import { describe, expect, test } from "vitest";

import { decodeHTMLStrict } from "../../src/app/timeline/entities";
import { markdown } from "../../src/app/timeline/markdown";

describe("entities", () => {
  test.each([
    ["&amp;&lt;&gt;&quot;&apos;", "&<>\"'"],
    ["a&nbsp;b", "a\u00a0b"],
    ["&#65;&#x42;&#X43;", "ABC"],
    ["&#128512;", "😀"],
    ["&#0;&#xD800;&#x110000;", "\ufffd\ufffd\ufffd"],
    ["&hearts; &AMP; &unknown; &amp &#; &#x; &;", "&hearts; &AMP; &unknown; &amp &#; &#x; &;"],
  ])("%s", (text, means) => {
    expect(decodeHTMLStrict(text)).toBe(means);
  });

  test("say what Markdown would take for its own, and make no HTML", () => {
    expect(markdown("&#42;not strong&#42; &lt;b&gt;", new Map())).toContain(
      "*not strong* &lt;b&gt;",
    );
    expect(markdown("[x](javascript&#58;alert(1))", new Map())).not.toContain("href");
  });
});
