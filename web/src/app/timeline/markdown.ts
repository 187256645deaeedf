/**
 * What people write, as HTML: Markdown without HTML in it, with mentions of those who are known.
 * What comes out is sanitized all the same before it is shown (sanitize.ts).
 */

import MarkdownIt, { type StateCore, type StateInline, type Token } from "markdown-it";

import type { Id } from "../../core/types";

/** Who is meant by a name after an @; `*` is everybody. */
export interface Named {
  readonly id: Id;
  /** Oneself, or everybody. */
  readonly me: boolean;
}

/** By names in lower case. */
export type Names = ReadonlyMap<string, Named>;

const SAFE_LINK = /^(?:https?:\/\/|mailto:)/i;

const WWW = /^[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+(?::\d+)?(?:[/?#](?:\S*[^\s.,;:!?'")\]}>*_~])?)?/u;

/** As the server reads names: chat/text.py. */
const NAME = /@([A-Za-z0-9][A-Za-z0-9._-]{0,31})/y;
const NOT_BEFORE = /[\p{L}\p{N}_@.]/u;

const LANGUAGE = /^[\w+#.-]{1,20}$/;

/** Blocks whose text has a direction of its own. */
const BLOCKS = [
  "paragraph_open",
  "blockquote_open",
  "bullet_list_open",
  "ordered_list_open",
  "table_open",
];

const md = new MarkdownIt({ html: false, linkify: true, breaks: true });

md.validateLink = (url) => SAFE_LINK.test(url.trim());

// Addresses without a scheme are links where they begin with www: README.md is a file.
md.linkify.add("www.", {
  validate: (text, place) => WWW.exec(text.slice(place))?.[0].length ?? 0,
  normalize: (match) => {
    match.url = `https://${match.url}`;
  },
});

md.inline.ruler.push("mention", mention);
md.core.ruler.push("pictures", pictures);
md.core.ruler.push("directions", directions);

md.renderer.rules["mention"] = (tokens, index) => {
  const { content, meta } = tokens[index] as Token;
  const { id, me } = meta as unknown as Named;
  const shown = `class="mention${me ? " me" : ""}"`;
  const card = id === "*" ? "" : ` role="button" data-user="${md.utils.escapeHtml(id)}"`;
  return `<span ${shown}${card}>${md.utils.escapeHtml(content)}</span>`;
};

md.renderer.rules["link_open"] = (tokens, index, options, _env, self) => {
  const token = tokens[index] as Token;
  const href = String(token.attrGet("href") ?? "");
  const written = token.info === "auto";
  token.attrs = [["href", href]];
  // Where the text may say something else, the address can be seen.
  if (!written) token.attrSet("title", href);
  token.attrSet("rel", "noopener noreferrer nofollow");
  token.attrSet("target", "_blank");
  return self.renderToken(tokens, index, options);
};

// A message has no outline of its own: its headings are strong text.
md.renderer.rules["heading_open"] = () => '<p class="heading" dir="auto">';
md.renderer.rules["heading_close"] = () => "</p>\n";

md.renderer.rules["table_open"] = () => '<div class="table"><table dir="auto">';
md.renderer.rules["table_close"] = () => "</table></div>\n";

// A class instead of an inline style, which the Content-Security-Policy takes from nobody.
for (const cell of ["th_open", "td_open"]) {
  md.renderer.rules[cell] = (tokens, index, options, _env, self) => {
    const token = tokens[index] as Token;
    const style = String(token.attrGet("style") ?? "");
    const aligned = /center|right/.exec(style)?.[0];
    token.attrs = aligned ? [["class", aligned]] : null;
    return self.renderToken(tokens, index, options);
  };
}

md.renderer.rules["fence"] = (tokens, index) => {
  const { content, info } = tokens[index] as Token;
  const language = info.trim().split(/\s+/)[0] ?? "";
  return code(content, LANGUAGE.test(language) ? language.toLowerCase() : "");
};
md.renderer.rules["code_block"] = (tokens, index) => code((tokens[index] as Token).content, "");

function code(content: string, language: string): string {
  const marked = language && ` data-language="${md.utils.escapeHtml(language)}"`;
  const text = md.utils.escapeHtml(content.replace(/\n$/, ""));
  return `<div class="code"${marked}><pre dir="ltr"><code>${text}</code></pre></div>\n`;
}

/** `@name` of somebody who is known. In code and in links it is nothing but text. */
function mention(state: StateInline, silent: boolean): boolean {
  if (state.src.charCodeAt(state.pos) !== 0x40 || state.linkLevel > 0) return false;
  if (state.pos > 0 && NOT_BEFORE.test(state.src.charAt(state.pos - 1))) return false;
  NAME.lastIndex = state.pos;
  const written = NAME.exec(state.src)?.[1];
  if (!written) return false;
  const names = state.env["names"] as Names;
  // A name's full stop may be the sentence's.
  for (const name of [written, written.replace(/[._-]+$/, "")]) {
    const named = names.get(name.toLowerCase());
    if (!named) continue;
    if (!silent) {
      const token = state.push("mention", "", 0);
      token.content = `@${name}`;
      token.meta = { ...named };
    }
    state.pos += name.length + 1;
    return true;
  }
  return false;
}

/** A picture from elsewhere would tell that place who reads: it is a link. */
function pictures(state: StateCore): void {
  for (const block of state.tokens) {
    if (!block.children?.some((one) => one.type === "image")) continue;
    let links = 0;
    block.children = block.children.flatMap((one) => {
      links += one.type === "link_open" ? 1 : one.type === "link_close" ? -1 : 0;
      return one.type === "image" ? linked(state, one, links > 0) : [one];
    });
  }
}

function linked(state: StateCore, image: Token, within: boolean): Token[] {
  const address = String(image.attrGet("src") ?? "");
  const text = new state.Token("text", "", 0);
  text.content = image.content || address;
  if (within) return [text];
  const open = new state.Token("link_open", "a", 1);
  open.attrSet("href", address);
  return [open, text, new state.Token("link_close", "a", -1)];
}

function directions(state: StateCore): void {
  for (const token of state.tokens) {
    if (BLOCKS.includes(token.type)) token.attrSet("dir", "auto");
  }
}

/** `text` as HTML, with mentions of `names`. */
export function markdown(text: string, names: Names): string {
  return md.render(text, { names });
}
