// Two charts in SVG. What they show stands in a table beside each, so screen readers skip them.

const NAMESPACE = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [320, 120];
const LABEL = 20; // below the bars

function make(kind, attributes, text = "") {
  const element = document.createElementNS(NAMESPACE, kind);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  return element;
}

/**
 * Draw `lines`, each a name and its runs of [time, value], within `frame`: `from` and `to` are
 * times, `low` and `high` values.
 */
export function drawLines(svg, lines, frame) {
  const x = (time) => ((time - frame.from) / (frame.to - frame.from)) * WIDTH;
  const y = (value) => HEIGHT - ((value - frame.low) / (frame.high - frame.low)) * HEIGHT;
  const drawn = lines.flatMap(([name, runs], index) =>
    runs.map((run) =>
      make("polyline", {
        class: `line line-${index}`,
        "data-name": name,
        points: run
          .map(([time, value]) => `${x(time).toFixed(1)},${y(value).toFixed(1)}`)
          .join(" "),
      }),
    ),
  );
  svg.replaceChildren(...grid(), ...drawn);
}

/** Draw `bars`, each a name and a number. */
export function drawBars(svg, bars) {
  const high = Math.max(1, ...bars.map(([, value]) => value));
  const wide = WIDTH / Math.max(1, bars.length);
  const drawn = bars.flatMap(([name, value], index) => {
    const tall = (value / high) * (HEIGHT - 2 * LABEL);
    const middle = (index + 0.5) * wide;
    const top = HEIGHT - LABEL - tall;
    return [
      make("rect", { class: "bar", x: middle - wide / 4, y: top, width: wide / 2, height: tall }),
      make("text", { class: "label", x: middle, y: HEIGHT - 5 }, name),
      make("text", { class: "label", x: middle, y: top - 5 }, value),
    ];
  });
  svg.replaceChildren(...drawn);
}

function grid() {
  return [0.25, 0.5, 0.75].map((part) =>
    make("line", { class: "grid", x1: 0, x2: WIDTH, y1: part * HEIGHT, y2: part * HEIGHT }),
  );
}
