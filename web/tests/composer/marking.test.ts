import { describe, expect, it } from "vitest";

import { broken, link, list, mark, type Span } from "../../src/app/composer/marking";

/** A text with its selection between two bars, or its caret at one. */
function span(drawn: string): Span {
  const start = drawn.indexOf("|");
  const end = drawn.lastIndexOf("|");
  const text = drawn.replaceAll("|", "");
  return { text, start, end: end > start ? end - 1 : start };
}

function drawn({ text, start, end }: Span): string {
  if (start === end) return `${text.slice(0, start)}|${text.slice(start)}`;
  return `${text.slice(0, start)}|${text.slice(start, end)}|${text.slice(end)}`;
}

describe("mark", () => {
  it.each([
    ["bold", "say |this| now", "say **|this|** now"],
    ["bold", "say **|this|** now", "say |this| now"],
    ["bold", "say |**this**| now", "say |this| now"],
    ["bold", "a| b |c", "a **|b|** c"],
    ["bold", "so |", "so **|**"],
    ["bold", "so **|**", "so |"],
    ["bold", "*|both|*", "***|both|***"],
    ["italic", "say |this| now", "say *|this|* now"],
    ["italic", "say *|this|* now", "say |this| now"],
    ["italic", "**|strong|**", "***|strong|***"],
    ["italic", "***|both|***", "**|both|**"],
    ["bold", "***|both|***", "*|both|*"],
    ["code", "run |ls| now", "run `|ls|` now"],
    ["code", "run `|ls|` now", "run |ls| now"],
    ["code", "see |a\nb|", "see \n|```\na\nb\n```|"],
    ["code", "|```\na\nb\n```|", "|a\nb|"],
  ] as const)("%s: %s", (kind, before, after) => {
    expect(drawn(mark(span(before), kind))).toBe(after);
  });
});

describe("list", () => {
  it.each([
    ["bullets", "one|", "- one|"],
    ["bullets", "- one|", "one|"],
    ["bullets", "|", "- |"],
    ["bullets", "a\n|b\nc|\nd", "a\n|- b\n- c|\nd"],
    ["numbers", "|b\nc|", "|1. b\n2. c|"],
    ["numbers", "|- b\n- c|", "|1. b\n2. c|"],
    ["numbers", "|1. b\n2. c|", "|b\nc|"],
    ["bullets", "- |", "|"],
  ] as const)("%s: %j", (kind, before, after) => {
    expect(drawn(list(span(before), kind))).toBe(after);
  });
});

describe("link", () => {
  it("makes a link of what is selected", () => {
    const made = link(span("see |the plan| there"), "https://example.org/a_(b)");
    expect(made && drawn(made)).toBe("see [the plan](https://example.org/a_%28b%29)| there");
  });

  it.each([
    ["nothing is selected", "see |", "https://example.org"],
    ["it is no address of the web", "|see|", "javascript:alert(1)"],
    ["it is more than an address", "|see|", "https://example.org and more"],
    ["an address is selected", "|https://example.com|", "https://example.org"],
    ["it would not be a link", "|a\nb|", "https://example.org"],
  ])("makes none where %s", (_, before, address) => {
    expect(link(span(before), address)).toBeNull();
  });
});

describe("broken", () => {
  it.each([
    ["plain|", "plain\n|"],
    ["- one|", "- one\n- |"],
    ["* one|", "* one\n* |"],
    ["9. nine|", "9. nine\n10. |"],
    ["  1) in|", "  1) in\n  2) |"],
    ["- one\n- |", "- one\n|"],
    ["- on|e", "- on\n- |e"],
    ["a |b c| d", "a \n| d"],
  ])("%j", (before, after) => {
    expect(drawn(broken(span(before)))).toBe(after);
  });
});
