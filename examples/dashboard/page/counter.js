// What was ordered: the list, what it adds up to, and the form for one more.

import { drawBars } from "./charts.js";
import { fill } from "./table.js";

const log = document.getElementById("log");
const list = document.getElementById("list");
const totals = document.querySelector("#totals tbody");
const bars = document.getElementById("bars");

const lines = new Map(); // by the order, of which a log that begins anew has others

/** Show `orders` as they change, once a frame at most. */
export function showOrders(orders) {
  let due = false;
  orders.addEventListener("change", () => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      log.ariaBusy = String(!orders.complete); // nobody is read aloud what there was before
      showList(orders.all);
      showTotals(orders.all);
    });
  });
}

function showList(all) {
  const orders = new Set(all.values());
  for (const [order, line] of lines) {
    if (orders.has(order)) continue;
    line.remove();
    lines.delete(order);
  }
  let below = null;
  for (const [number, order] of [...all].sort(([a], [b]) => a - b)) {
    if (!lines.has(order)) {
      const line = document.createElement("li");
      line.value = number;
      line.textContent = `${order.drink}, ${order.cups} ${order.cups === 1 ? "cup" : "cups"}`;
      list.insertBefore(line, below);
      lines.set(order, line);
    }
    below = lines.get(order);
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
