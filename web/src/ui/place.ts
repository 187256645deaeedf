/** Where something that floats goes: beside what it belongs to, and on the screen. */

export type Placement = `${"below" | "above"}-${"start" | "end"}`;

const GAP = 4;
const MARGIN = 8;

/** Put `floating` (fixed) beside `anchor`: on the other side where there is more room. */
export function place(floating: HTMLElement, anchor: Element, placement: Placement): void {
  const around = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = floating;
  const screen = document.documentElement;
  const above = around.top - GAP - MARGIN;
  const below = screen.clientHeight - around.bottom - GAP - MARGIN;
  const up = placement.startsWith("above") ? above >= height || above > below : false;
  const goesUp = up || (below < height && above > below);

  const toStart = placement.endsWith("start");
  const leftwards = getComputedStyle(floating).direction === "rtl" ? toStart : !toStart;
  const left = leftwards ? around.right - width : around.left;
  const top = goesUp ? around.top - GAP - height : around.bottom + GAP;
  floating.style.left = `${between(left, screen.clientWidth - width - MARGIN)}px`;
  floating.style.top = `${between(top, screen.clientHeight - height - MARGIN)}px`;
}

function between(value: number, most: number): number {
  return Math.round(Math.max(MARGIN, Math.min(value, most)));
}
