// Who is here, in words.

import { index } from "./people.js";

/** List the people who are at `text`, and let one say one's own name. */
export function showPeople(text, people) {
  const list = document.getElementById("people");
  const news = document.getElementById("news");
  const input = document.getElementById("name");
  let known = new Map(); // names of the others, by their number

  // Unless it was typed before this came.
  input.value ||= localStorage.getItem("name") ?? `Guest ${100 + Math.floor(Math.random() * 900)}`;
  const rename = () => people.say({ name: input.value.trim() || "Somebody" });
  input.addEventListener("input", () => {
    localStorage.setItem("name", input.value);
    rename();
  });

  function show() {
    const others = [...people.others].map(([number, { name, caret }]) => {
      const at = index(text, caret);
      const line = at === null ? "" : `, line ${text.toString().slice(0, at).split("\n").length}`;
      return { number, name, words: `${name}${line}` };
    });
    const own = item(`${people.own.name} (you)`);
    list.replaceChildren(own, ...others.map(({ number, words }) => item(words, number)));

    const here = new Map(others.map(({ number, name }) => [number, name]));
    const said = [
      ...[...here].filter(([number]) => !known.has(number)).map(([, name]) => `${name} is here.`),
      ...[...known].filter(([number]) => !here.has(number)).map(([, name]) => `${name} is gone.`),
    ];
    if (said.length) news.textContent = said.join(" ");
    known = here;
  }

  people.addEventListener("change", show);
  text.observe(show);
  rename();
}

function item(words, number) {
  const line = document.createElement("li");
  line.textContent = words;
  if (number !== undefined) line.className = `color-${number % 5}`;
  return line;
}
