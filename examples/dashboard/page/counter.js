// What was ordered: the list, what it adds up to, and the form for one more.

import { drawBars } from "./charts.js";
import { fill } from "./table.js";

const list = document.getElementById("list");
const totals = document.querySelector("#totals tbody");
const bars = document.getElementById("bars");

const lines = new Map(); // by the number of the order

/** Show `orders` as they change, once a frame at most. */
export function showOrders(orders) {
  let due = false;
  orders.addEventListener("change", () => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      list.ariaBusy = String(!orders.complete); // nobody is read aloud what there was before
      showList(orders.all);
      showTotals(orders.all);
    });
  });
}

function showList(all) {
  for (const [number, line] of lines) {
    if (all.has(number)) continue;
    line.remove();
    lines.delete(number);
  }
  let below = null;
  for (const number of [...all.keys()].sort((a, b) => a - b)) {
    if (!lines.has(number)) {
      const line = document.createElement("li");
      const { drink, cups } = all.get(number);
      line.value = number;
      line.textContent = `${drink}, ${cups} ${cups === 1 ? "cup" : "cups"}`;
      list.insertBefore(line, below ?? null);
      lines.set(number, line);
    }
    below = lines.get(number);
  }
}

function showTotals(all) {
  const drinks = new Map();
  for (const { drink, cups } of all.values()) {
    const [orders, sum] = drinks.get(drink) ?? [0, 0];
    drinks.set(drink, [orders + 1, sum + cups]);
  }
  const rows = [...drinks].sort(([a], [b]) => a.localeCompare(b));
  fill(
    totals,
    rows.map(([drink, [orders, cups]]) => [drink, orders, cups]),
  );
  drawBars(
    bars,
    rows.map(([drink, [, cups]]) => [drink, cups]),
  );
}

/** Have `form` place orders: over HTTP, as anything else would that sells tea. */
export function placeOrders(form) {
  const output = form.querySelector("output");
  let key = ""; // of one order, however often it has to be sent

  form.addEventListener("input", () => (key = ""));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    key ||= crypto.randomUUID();
    const order = { drink: form.elements.drink.value, cups: form.elements.cups.valueAsNumber };
    output.textContent = "";
    try {
      const answer = await fetch("/orders", {
        method: "POST",
        headers: { "Content-Type": "application/json", "Idempotency-Key": key },
        body: JSON.stringify(order),
      });
      if (!answer.ok) throw new Error(`The shop says no: ${(await answer.json()).detail}.`);
      output.textContent = `Order ${(await answer.json()).number} is in.`;
      key = "";
    } catch (error) {
      output.textContent =
        error instanceof TypeError ? "The shop cannot be reached. Order again." : error.message;
    }
  });
}
