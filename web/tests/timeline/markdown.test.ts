import { describe, expect, test } from "vitest";

import { markdown, type Names } from "../../src/app/timeline/markdown";

const names: Names = new Map([
  ["anna", { id: "u1", me: true }],
  ["bob.b", { id: "u2", me: false }],
  ["all", { id: "*", me: true }],
]);
const html = (text: string) => markdown(text, names).trim();
const within = (text: string) =>
  /^<p dir="auto">([\s\S]*)<\/p>$/.exec(html(text))?.[1] ?? html(text);

describe("mentions", () => {
  test("are of who is known, however they are written", () => {
    expect(within("hi @Anna")).toBe(
      'hi <span class="mention me" role="button" data-user="u1">@Anna</span>',
    );
    expect(within("@all!")).toBe('<span class="mention me">@all</span>!');
    expect(within("@zoe")).toBe("@zoe");
  });

  test("leave the sentence its full stop", () => {
    expect(within("ask @anna.")).toMatch(/@anna<\/span>\.$/);
    expect(within("ask @bob.b.")).toMatch(/@bob\.b<\/span>\.$/);
  });

  test("are none within words, addresses, code and links", () => {
    for (const text of ["x@anna", "ä@anna", "@@anna", "`@anna`", "[@anna](https://a.b)"]) {
      expect(html(text)).not.toContain("data-user");
    }
    expect(html("```\n@anna\n```")).not.toContain("data-user");
  });

  test("stand within emphasis", () => {
    expect(within("**@anna**")).toMatch(/^<strong><span class="mention me"/);
  });
});

describe("links", () => {
  const link = (text: string) => /href="([^"]*)"/.exec(html(text))?.[1];

  test("go where they say, without telling from where", () => {
    expect(within("https://a.example/x")).toBe(
      '<a href="https://a.example/x" rel="noopener noreferrer nofollow" target="_blank">' +
        "https://a.example/x</a>",
    );
  });

  test("show their address where their text is another", () => {
    expect(html("[bank](https://evil.example)")).toContain('title="https://evil.example"');
    expect(html('[bank](https://evil.example "bank.example")')).not.toContain("bank.example");
  });

  test("are made of www and of mail addresses, not of files", () => {
    expect(link("www.example.com/a, or")).toBe("https://www.example.com/a");
    expect(link("(www.example.com).")).toBe("https://www.example.com");
    expect(link("me@example.com")).toBe("mailto:me@example.com");
    expect(link("README.md main.py www.")).toBeUndefined();
  });

  test("of other kinds are dead", () => {
    for (const to of ["javascript:x", "data:text/html,x", "file:///x", "/x", "//x.y", "ftp://x"]) {
      expect(link(`[a](${to})`)).toBeUndefined();
    }
  });

  test("stand for pictures", () => {
    expect(html("![cat](https://a.b/c.png)")).not.toContain("<img");
    expect(within("![cat](https://a.b/c.png)")).toMatch(
      /^<a href="https:\/\/a.b\/c.png".*>cat<\/a>$/,
    );
    expect(within("[![cat](https://a.b/c.png)](https://d.e)").match(/<a /g)).toHaveLength(1);
  });
});

test("a heading is strong text", () => {
  expect(html("# Title")).toBe('<p class="heading" dir="auto">Title</p>');
});

test("code has a language, if it is one", () => {
  expect(html("```PY\nx < 1\n```")).toBe(
    '<div class="code" data-language="py"><pre dir="ltr"><code>x &lt; 1</code></pre></div>',
  );
  expect(html('```"onload=x\ny\n```')).not.toContain("data-language");
});

test("HTML is text", () => {
  expect(within("<b>x</b> &lt;")).toBe("&lt;b&gt;x&lt;/b&gt; &lt;");
});

test("a table is aligned by classes, in a box that scrolls", () => {
  const table = html("| a | b |\n|:-:|--:|\n| 1 | 2 |");
  expect(table).toMatch(/^<div class="table"><table dir="auto">/);
  expect(table).toContain('<td class="center">1</td>');
  expect(table).not.toContain("style");
});

test("takes no long over what is made to take long", () => {
  const started = performance.now();
  for (const one of [
    "[",
    "**a ",
    "> ",
    "`",
    "_a",
    "![](",
    "@anna ",
    "https://a.b ",
    "| a ",
    "- ",
    "www.",
    "a@",
  ]) {
    markdown(one.repeat(10_000 / one.length), names);
  }
  expect(performance.now() - started).toBeLessThan(3_000);
});
