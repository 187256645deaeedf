// Temperatures: only the latest one counts. Their room remembers no more than that, and so a page
// that comes back gets it, and a gap in its lines.

import { drawLines } from "./charts.js";
import { fill } from "./table.js";

const SHOWN_MS = 20_000;
const GAP_MS = 2_000;

const lines = document.getElementById("lines");
const table = document.querySelector("#temperatures tbody");

/** Show what the room "kettles" says, once a frame at most. */
export function showKettles(client) {
  const readings = []; // { at, celsius: { kettle: number } }, as they came
  let due = false;

  const room = client.newSubscription("kettles");
  room.on("publication", ({ data }) => {
    readings.push({ at: performance.now(), celsius: data });
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      while (readings[0].at < readings.at(-1).at - SHOWN_MS) readings.shift();
      show(readings);
    });
  });
  room.subscribe();
}

function show(readings) {
  const now = readings.at(-1);
  const kettles = Object.keys(now.celsius);
  fill(
    table,
    kettles.map((kettle) => {
      const known = readings.map(({ celsius }) => celsius[kettle]).filter(Number.isFinite);
      const [low, high] = [Math.min(...known), Math.max(...known)];
      return [kettle, ...[now.celsius[kettle], low, high].map((number) => number.toFixed(1))];
    }),
  );
  const runs = kettles.map((kettle) => {
    const points = readings.map(({ at, celsius }) => [at, celsius[kettle]]);
    return [kettle, split(points)];
  });
  drawLines(lines, runs, { from: now.at - SHOWN_MS, to: now.at, low: 0, high: 100 });
}

/** The points in runs: a line between two that are far apart would say what nobody knows. */
function split(points) {
  const runs = [];
  for (const point of points) {
    const run = runs.at(-1);
    if (run && point[0] - run.at(-1)[0] < GAP_MS) run.push(point);
    else runs.push([point]);
  }
  return runs;
}
