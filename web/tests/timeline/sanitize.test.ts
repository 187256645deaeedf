// @vitest-environment jsdom
import { describe, expect, test } from "vitest";

import { markdown, type Names } from "../../src/app/timeline/markdown";
import { sanitized, sanitizedCode } from "../../src/app/timeline/sanitize";

const names: Names = new Map([["anna", { id: '"><img src=x onerror=alert(1)>', me: true }]]);

const TAGS = new Set(
  "P BR STRONG EM S CODE PRE A UL OL LI BLOCKQUOTE HR DIV SPAN TABLE THEAD TBODY TR TH TD".split(
    " ",
  ),
);
const ATTRIBUTES = new Set(
  "href title rel target class dir start role data-user data-language".split(" "),
);
const CLASSES = new Set(["mention", "me", "heading", "table", "code", "center", "right"]);

/** What is in the page must be of what is allowed, whatever it was made of. */
function harmless(html: string): void {
  const place = document.createElement("div");
  place.innerHTML = html;
  for (const element of place.querySelectorAll("*")) {
    expect(TAGS, element.outerHTML).toContain(element.tagName);
    expect(element.namespaceURI).toBe("http://www.w3.org/1999/xhtml");
    // `is` cannot be taken away, and means nothing without a value.
    if (element.getAttribute("is") === "") element.removeAttribute("is");
    for (const { name } of element.attributes)
      expect(ATTRIBUTES, element.outerHTML).toContain(name);
    for (const name of element.classList) expect(CLASSES, element.outerHTML).toContain(name);
    const href = element.getAttribute("href");
    if (href !== null) {
      expect(new URL(href, "https://chat.example").protocol).toMatch(/^(https?|mailto):$/);
      expect(href).toMatch(/^(https?:\/\/|mailto:)/i);
      expect(element.getAttribute("rel")).toBe("noopener noreferrer nofollow");
      expect(element.getAttribute("target")).toBe("_blank");
    }
  }
  // What is read once more is the same: nothing turns into something else on the way.
  const again = document.createElement("div");
  again.innerHTML = place.innerHTML;
  expect(again.innerHTML).toBe(place.innerHTML);
}

const SCRIPTS = [
  "<script>alert(1)</script>",
  "<SCRIPT SRC=//x.example/a.js></SCRIPT>",
  "<scr<script>ipt>alert(1)</scr</script>ipt>",
  "<script\u0000>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "<img src=x oNeRrOr\u00a0=alert(1)>",
  "<img/src='x'/onerror='alert(1)'>",
  '<body onload=alert(1)><p onclick="alert(1)">x</p>',
  "<details open ontoggle=alert(1)><summary>x</summary></details>",
  "<input autofocus onfocus=alert(1)>",
  "<video><source onerror=alert(1)></video>",
  "<audio src=x onerror=alert(1)>",
  "<marquee onstart=alert(1)>x</marquee>",
  '<div style="background:url(javascript:alert(1))">x</div>',
  "<style>@import 'https://x.example/a.css'; p { color: red }</style>",
  "<link rel=stylesheet href=https://x.example/a.css>",
  "<base href=https://x.example/>",
  "<meta http-equiv=refresh content='0;url=https://x.example'>",
  "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
  "<iframe src=javascript:alert(1)></iframe>",
  "<object data=data:text/html;base64,PHNjcmlwdD4=></object><embed src=x>",
  "<form action=https://x.example><button formaction=javascript:alert(1)>x</button></form>",
  "<a href=javascript:alert(1)>x</a><a href=' java\tscript:alert(1)'>x</a>",
  "<a href='&#106;avascript:alert(1)'>x</a><a href='data:text/html,x'>x</a>",
  "<a href='vbscript:x'>x</a><a href='blob:https://x/y'>x</a><a href='/x'>x</a>",
  "<a href=https://a.example target=_self rel=opener ping=https://x.example>x</a>",
  "<p id=location name=body class='modal toast hljs'>x</p>",
  '<span role="alert" aria-live="assertive" data-x="1" tabindex="9">x</span>',
  "<svg onload=alert(1)><circle/></svg>",
  "<svg><script>alert(1)</script></svg>",
  "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
  "<svg><animate onbegin=alert(1) attributeName=x dur=1s></svg>",
  "<svg><use href='data:image/svg+xml,<svg id=x onload=alert(1)>#x'></svg>",
  "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
  "<math href=javascript:alert(1)>x</math>",
  "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
  "<svg></p><style><a id='</style><img src=1 onerror=alert(1)>'>",
  "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
  "<textarea><img title='</textarea><img src=x onerror=alert(1)>'>",
  "<title><img src='</title><img src=x onerror=alert(1)>'>",
  "<template><img src=x onerror=alert(1)></template>",
  "<select><template><style><!--</style><a rel='--></style></template></select><img id=x src onerror=alert(1)>'>",
  "<xmp><p title='</xmp><img src=x onerror=alert(1)>'>",
  "<!--><img src=x onerror=alert(1)>-->",
  "<!-- --!><img src=x onerror=alert(1)> -->",
  "<![CDATA[<img src=x onerror=alert(1)>]]>",
  "<?xml version='1.0'?><x:script xmlns:x='http://www.w3.org/1999/xhtml'>alert(1)</x:script>",
  "<p is=x-y slot=a part=b>x</p><custom-element onclick=alert(1)>x</custom-element>",
  "\u003cimg src=x onerror=alert(1)\u003e",
  "＜script＞alert(1)＜/script＞",
  "<table><tr><td background=javascript:alert(1)></td></tr></table>",
  `${"<div>".repeat(300)}<img src=x onerror=alert(1)>`,
];

const TEXTS = [
  ...SCRIPTS,
  "[x](javascript:alert(1))",
  "[x](JaVaScRiPt:alert(1))",
  "[x](java\nscript:alert(1))",
  "[x](&#106;avascript:alert(1))",
  "[x](&#x6A;avascript&colon;alert(1))",
  "[x](javascript&#58;alert(1))",
  "[x](\u0001javascript:alert(1))",
  "[x](<javascript:alert(1)>)",
  "[x](%6Aavascript:alert(1))",
  "[x](data:text/html;base64,PHNjcmlwdD4=)",
  "[x](data:image/svg+xml,<svg onload=alert(1)>)",
  "[x](vbscript:msgbox)",
  '[x](https://a.example/" onmouseover="alert(1))',
  "[x](https://a.example '\" onmouseover=alert(1) x=\"')",
  "[x][1]\n\n[1]: javascript:alert(1)",
  "[x][1]\n\n[1]: https://a.example '\"><img src=x onerror=alert(1)>'",
  '![x](javascript:alert(1)) !["onerror=alert(1)](https://a.example/x.png)',
  '![<img src=x onerror=alert(1)>](https://a.example/"onerror="x)',
  "[![x](javascript:a)](javascript:b) [a [b](https://c.d) e](javascript:f)",
  '<javascript:alert(1)> <https://a.example/"onclick=alert(1)> <data:text/html,x>',
  "https://a.example/'onclick='alert(1)' https://a.example/<script>alert(1)</script>",
  "https://a.example/\u202egnp.exe \u200bjavascript:alert(1)",
  "https://аррӏе.example/ http://xn--80ak6aa92e.example/",
  "`<img src=x onerror=alert(1)>` ``` ` <script> ```",
  "```html\n<script>alert(1)</script>\n```",
  '```"><img/src=x/onerror=alert(1)>\nx\n```',
  "```js' onload='x\nx\n```",
  "    <script>alert(1)</script>",
  "> # <img src=x onerror=alert(1)>\n> - **<svg onload=alert(1)>**",
  '| <b onclick=x> | " |\n|---|:-:|\n| <script> | [x](javascript:1) |',
  "**<b>**_<i onclick=x>_~~<s>~~",
  "@anna @anna<img src=x onerror=alert(1)> [@anna](javascript:1)",
  "@\u0430nna @anna\u200b @ａnna",
  "\u0000\ufffe\ud800 <\u0000img src=x onerror=alert(1)>",
  "1. x\n\n   <iframe src=javascript:alert(1)>",
  "-1. x\n999999999. y\n",
  "a\u2028<script>\u2029alert(1)",
  "Z̸̧͎̆a̷͚͌l̶̦̈́g̵̱̽o̷͔͂".repeat(200),
  '[x](mailto:a@b.example?subject="><img src=x onerror=alert(1)>)',
];

describe("what people write", () => {
  test.each(TEXTS)("%j", (text) => harmless(String(sanitized(markdown(text, names)))));
});

describe("HTML that should never have come so far", () => {
  test.each(SCRIPTS)("%j", (html) => harmless(String(sanitized(html))));
});

test("nothing of what Markdown makes is lost", () => {
  const text =
    "# T\n\n**a** *b* ~~c~~ `d` [e](https://f.g) @anna\n\n> q\n\n- x\n1. y\n\n---\n\n" +
    "|a|b|\n|-|-:|\n|1|2|\n\n```py\nz\n```";
  const kept: Names = new Map([["anna", { id: "u1", me: true }]]);
  const place = document.createElement("div");
  place.innerHTML = markdown(text, kept);
  expect(String(sanitized(markdown(text, kept)))).toBe(place.innerHTML);
});

test("highlighted code is nothing but spans", () => {
  const place = document.createElement("code");
  place.append(
    sanitizedCode(
      '<span class="hljs-keyword" onclick="x" style="color:red">if</span>' +
        '<img src=x onerror=alert(1)><a href="https://a.b">&lt;x&gt;</a><script>1</script>',
    ),
  );
  expect(place.innerHTML).toBe('<span class="hljs-keyword">if</span>&lt;x&gt;');
});
