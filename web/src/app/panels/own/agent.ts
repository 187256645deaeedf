/** What a login's program is, for people: a guess, from what the program calls itself. */

export interface Agent {
  browser: string;
  system: string;
  /** Whether it is held in a hand. */
  small: boolean;
}

// The first that fits: many say that they are the others, too.
const BROWSERS = [
  ["Edg", "Edge"],
  ["OPR", "Opera"],
  ["SamsungBrowser", "Samsung Internet"],
  ["Firefox", "Firefox"],
  ["FxiOS", "Firefox"],
  ["CriOS", "Chrome"],
  ["Chrome", "Chrome"],
  ["Safari", "Safari"],
  ["curl", "curl"],
  ["python", "Python"],
] as const;

const SYSTEMS = [
  ["iPhone", "iPhone"],
  ["iPad", "iPad"],
  ["Android", "Android"],
  ["CrOS", "ChromeOS"],
  ["Windows", "Windows"],
  ["Mac OS X", "macOS"],
  ["Linux", "Linux"],
] as const;

const SMALL: ReadonlySet<string> = new Set(["iPhone", "iPad", "Android"]);

export function agentOf(said: string): Agent {
  const browser = BROWSERS.find(([sign]) => said.includes(sign))?.[1] ?? "";
  const system = SYSTEMS.find(([sign]) => said.includes(sign))?.[1] ?? "";
  return { browser, system, small: SMALL.has(system) };
}
