/**
 * The last word on what becomes of HTML: what markdown.ts makes of a message, and highlight.js of
 * code, has none but these tags and attributes, or loses them.
 */

import DOMPurify from "dompurify";

const TAGS = [
  ..."p br strong em s code pre a ul ol li blockquote hr div span".split(" "),
  ..."table thead tbody tr th td".split(" "),
];
const ATTRIBUTES = [
  ..."href title rel target class dir start role".split(" "),
  "data-user",
  "data-language",
];
const CLASSES = new Set(["mention", "me", "heading", "table", "code", "center", "right"]);

const LINKS = /^(?:https?:\/\/|mailto:)/i;

DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.localName === "a") {
    if (!node.hasAttribute("href")) node.removeAttribute("target");
    else {
      node.setAttribute("rel", "noopener noreferrer nofollow");
      node.setAttribute("target", "_blank");
    }
  }
  for (const name of [...node.classList]) {
    if (!CLASSES.has(name) && !name.startsWith("hljs-")) node.classList.remove(name);
  }
  if (node.getAttribute("class") === "") node.removeAttribute("class");
  if (node.getAttribute("role") !== "button") node.removeAttribute("role");
});

/** HTML that may be shown: what the browser trusts, where it asks for that. */
export type SafeHtml = ReturnType<typeof sanitized>;

export function sanitized(html: string) {
  return DOMPurify.sanitize(html, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ATTRIBUTES,
    ALLOWED_URI_REGEXP: LINKS,
    // All but `href`: what is no address is not held to look like one.
    ADD_URI_SAFE_ATTR: ATTRIBUTES.slice(1),
    ALLOW_ARIA_ATTR: false,
    ALLOW_DATA_ATTR: false,
    RETURN_TRUSTED_TYPE: true,
  });
}

/** Highlighted code: nothing but text and `span`. */
export function sanitizedCode(html: string): DocumentFragment {
  return DOMPurify.sanitize(html, {
    ALLOWED_TAGS: ["span"],
    ALLOWED_ATTR: ["class"],
    ALLOW_ARIA_ATTR: false,
    ALLOW_DATA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
}
