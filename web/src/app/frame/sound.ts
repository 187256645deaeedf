/** A short sound, made here: two soft tones, one above the other. */

const TONES = [
  { hertz: 587, at: 0 },
  { hertz: 880, at: 0.09 },
];
const LENGTH_S = 0.35;
const LOUDNESS = 0.09;

/** Several messages at once are heard once. */
const APART_MS = 1_500;

let context: AudioContext | null = null;
let last = 0;

export function ring(): void {
  const now = Date.now();
  if (now - last < APART_MS) return;
  last = now;
  context ??= new AudioContext();
  // Before somebody has touched the page, browsers let nothing be heard.
  if (context.state === "suspended") void context.resume().catch(() => undefined);
  for (const tone of TONES) play(context, tone.hertz, context.currentTime + tone.at);
}

function play(on: AudioContext, hertz: number, at: number): void {
  const tone = on.createOscillator();
  const gain = on.createGain();
  tone.type = "sine";
  tone.frequency.value = hertz;
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(LOUDNESS, at + 0.01);
  gain.gain.exponentialRampToValueAtTime(0.0001, at + LENGTH_S);
  tone.connect(gain).connect(on.destination);
  tone.start(at);
  tone.stop(at + LENGTH_S);
}
