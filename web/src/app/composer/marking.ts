/**
 * Markdown by keys: what becomes of a text and of what is selected in it. What is marked already is
 * unmarked by the same key.
 */

/** A text, and what is selected in it. */
export interface Span {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

export type Mark = "bold" | "italic" | "code";
export type List = "bullets" | "numbers";

const BULLET = /^(\s*)[-*+] /;
const NUMBER = /^(\s*)\d{1,9}[.)] /;
const ITEM = /^(\s*)(?:([-*+])|(\d{1,9})([.)])) (.*)$/;
const WEB_ADDRESS = /^https?:\/\/[^\s<>]+$/i;

export function mark(span: Span, kind: Mark): Span {
  if (kind === "code") {
    return span.text.slice(span.start, span.end).includes("\n")
      ? fenced(span)
      : wrapped(tight(span), "`", (run) => run >= 1);
  }
  return kind === "bold"
    ? wrapped(tight(span), "**", (run) => run >= 2)
    : wrapped(tight(span), "*", (run) => run % 2 === 1);
}

/** Every line that the selection touches as an item of a list; if all are, none any more. */
export function list(span: Span, kind: List): Span {
  const from = span.text.lastIndexOf("\n", span.start - 1) + 1;
  const next = span.text.indexOf("\n", span.end);
  const to = next < 0 ? span.text.length : next;
  const lines = span.text.slice(from, to).split("\n");
  const own = kind === "bullets" ? BULLET : NUMBER;
  const all = lines.every((line) => own.test(line));
  const changed = lines.map((line, index) => {
    const bare = line.replace(BULLET, "$1").replace(NUMBER, "$1");
    if (all) return bare;
    return (kind === "bullets" ? "- " : `${index + 1}. `) + bare;
  });
  const body = changed.join("\n");
  const text = span.text.slice(0, from) + body + span.text.slice(to);
  if (span.start !== span.end) return { text, start: from, end: from + body.length };
  const caret = Math.max(from, span.start + body.length - (to - from));
  return { text, start: caret, end: caret };
}

/** What is selected as a link to `address`; null where that makes no link. */
export function link(span: Span, address: string): Span | null {
  const label = span.text.slice(span.start, span.end);
  if (!WEB_ADDRESS.test(address) || !label.trim() || /[\n[\]]/.test(label)) return null;
  if (WEB_ADDRESS.test(label.trim())) return null; // an address over an address takes its place
  const escaped = address.replace(/[()]/g, (one) => (one === "(" ? "%28" : "%29"));
  return replaced(span, `[${label}](${escaped})`);
}

/** A line break that goes on with a list, or ends it where its item is empty. */
export function broken(span: Span): Span {
  const from = span.text.lastIndexOf("\n", span.start - 1) + 1;
  const [, indent = "", bullet = "", number = "", dot = "", rest = ""] =
    ITEM.exec(span.text.slice(from, span.start)) ?? [];
  if (!bullet && !number) return replaced(span, "\n");
  if (!rest.trim() && span.start === span.end) return replaced({ ...span, start: from }, "");
  const sign = bullet || `${Number(number) + 1}${dot}`;
  return replaced(span, `\n${indent}${sign} `);
}

/** `insert` in the place of what is selected, with the caret behind it. */
export function replaced(span: Span, insert: string): Span {
  const text = span.text.slice(0, span.start) + insert + span.text.slice(span.end);
  const caret = span.start + insert.length;
  return { text, start: caret, end: caret };
}

/** The span without white space at its ends: marks stand at words. */
function tight(span: Span): Span {
  const selected = span.text.slice(span.start, span.end);
  if (!selected.trim()) return span;
  const start = span.start + (selected.length - selected.trimStart().length);
  return { text: span.text, start, end: start + selected.trim().length };
}

/** Between two marks, or without them where the signs around it (`marked`) say that it is. */
function wrapped(span: Span, sign: string, marked: (run: number) => boolean): Span {
  const { text } = span;
  const [start, end] = inward(span, sign.charAt(0));
  const run = Math.min(signs(text, start, -1, sign), signs(text, end, 1, sign));
  if (run > 0 && marked(run)) {
    const before = text.slice(0, start - sign.length);
    const after = text.slice(end + sign.length);
    const inner = text.slice(start, end);
    return {
      text: before + inner + after,
      start: before.length,
      end: before.length + inner.length,
    };
  }
  const inner = text.slice(span.start, span.end);
  const body = sign + inner + sign;
  const from = span.start + sign.length;
  return {
    text: text.slice(0, span.start) + body + text.slice(span.end),
    start: from,
    end: from + inner.length,
  };
}

/** The selection without the signs at its own ends. */
function inward(span: Span, sign: string): [number, number] {
  let { start, end } = span;
  while (end - start > 2 && span.text[start] === sign && span.text[end - 1] === sign) {
    start += 1;
    end -= 1;
  }
  return [start, end];
}

/** How many of that sign stand in a row from `at` on, in a direction. */
function signs(text: string, at: number, step: 1 | -1, sign: string): number {
  let count = 0;
  for (let here = step > 0 ? at : at - 1; text[here] === sign.charAt(0); here += step) count += 1;
  return count;
}

function fenced(span: Span): Span {
  const inner = span.text.slice(span.start, span.end);
  const bare = /^```\n([\s\S]*)\n```$/.exec(inner)?.[1];
  if (bare !== undefined) {
    const { text } = replaced(span, bare);
    return { text, start: span.start, end: span.start + bare.length };
  }
  const before = span.start > 0 && span.text[span.start - 1] !== "\n" ? "\n" : "";
  const after = span.end < span.text.length && span.text[span.end] !== "\n" ? "\n" : "";
  const body = `\`\`\`\n${inner}\n\`\`\``;
  const { text } = replaced(span, before + body + after);
  const start = span.start + before.length;
  return { text, start, end: start + body.length };
}
