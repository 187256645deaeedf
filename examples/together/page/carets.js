// The carets of the others: a copy of the text behind the field, in the same type, with marks in it.

import { index, place } from "./people.js";

/** Show in `field` where the others are in `text`, and tell them where one is oneself. */
export function showCarets(field, text, people) {
  const copy = document.getElementById("carets");

  function show() {
    const value = text.toString();
    const marks = [...people.others]
      .map(([number, { name, caret }]) => ({ number, name, at: index(text, caret) }))
      .filter(({ at }) => at !== null)
      .sort((a, b) => a.at - b.at);
    const parts = [];
    let from = 0;
    for (const { number, name, at } of marks) {
      const mark = document.createElement("span");
      mark.className = `caret color-${number % 5}`;
      mark.dataset.name = name;
      parts.push(value.slice(from, at), mark);
      from = at;
    }
    copy.replaceChildren(...parts, `${value.slice(from)}\n`);
    copy.scrollTop = field.scrollTop;
  }

  let told = "";

  function tell(caret) {
    const here = JSON.stringify(caret);
    if (here !== told) people.say({ caret }); // not for what others write before it
    told = here;
  }

  text.observe(show);
  people.addEventListener("change", show);
  field.addEventListener("scroll", () => (copy.scrollTop = field.scrollTop));
  field.addEventListener("selectionchange", () => tell(place(text, field.selectionEnd)));
  field.addEventListener("blur", () => tell(null));
}
