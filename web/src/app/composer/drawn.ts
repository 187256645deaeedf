/** Which emojis this device can draw: newer ones are empty boxes, or two pictures for one. */

/** One of each version of the emojis, the newest first. */
const SAMPLES: readonly (readonly [version: number, emoji: string])[] = [
  [17, "🫪"],
  [16, "🫩"],
  [15.1, "🐦‍🔥"],
  [15, "🫨"],
  [14, "🫠"],
  [13.1, "😶‍🌫️"],
  [13, "🥲"],
  [12, "🥱"],
  [11, "🥰"],
];
const OLDEST = 5;

let newest: number | undefined;

/** The newest version of the emojis that is drawn here; any, where that cannot be told. */
export function newestDrawn(): number {
  newest ??= look();
  return newest;
}

function look(): number {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  // Without pictures in colour (or with a browser that lets nobody look) nothing is left out.
  if (!context || !isPicture(context, "😀")) return Infinity;
  const wide = context.measureText("😀").width * 1.5;
  const drawn = SAMPLES.find(
    ([, emoji]) => context.measureText(emoji).width < wide && isPicture(context, emoji),
  );
  return drawn?.[0] ?? OLDEST;
}

/** Whether it has its own colours: then it looks the same whatever it is drawn in. */
function isPicture(context: CanvasRenderingContext2D, emoji: string): boolean {
  const [dark, bright] = ["#000", "#f00"].map((color) => {
    context.clearRect(0, 0, 1, 1);
    context.textBaseline = "middle";
    context.textAlign = "center";
    context.font = "100px sans-serif";
    context.fillStyle = color;
    context.setTransform(0.02, 0, 0, 0.02, 0.5, 0.5);
    context.fillText(emoji, 0, 0);
    return [...context.getImageData(0, 0, 1, 1).data].join();
  });
  return dark === bright && dark !== "0,0,0,0";
}
