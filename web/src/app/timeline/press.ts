import type { Attachment } from "svelte/attachments";

const LONG_MS = 450;
const STILL = 10;

/** Have `pressed` called when a finger stays on something. */
export function longPress(pressed: (on: HTMLElement) => void): Attachment<HTMLElement> {
  return (element) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let from = { x: 0, y: 0 };
    let done = false;

    const end = () => clearTimeout(timer);

    const down = (event: PointerEvent) => {
      end();
      done = false;
      if (event.pointerType !== "touch" || !event.isPrimary) return;
      const on = event.target as HTMLElement;
      // Links have a menu of their own.
      if (on.closest("a, input, textarea")) return;
      from = { x: event.clientX, y: event.clientY };
      timer = setTimeout(() => {
        done = true;
        pressed(on);
      }, LONG_MS);
    };

    const move = (event: PointerEvent) => {
      if (Math.hypot(event.clientX - from.x, event.clientY - from.y) > STILL) end();
    };

    // What the finger is on, by now something else maybe, is not pressed as well when it leaves.
    const swallow = (event: Event) => {
      if (!done) return;
      event.preventDefault();
      event.stopPropagation();
      if (event.type !== "contextmenu") done = false;
    };

    const listeners: [string, (event: never) => void, boolean][] = [
      ["pointerdown", down, false],
      ["pointermove", move, false],
      ["pointerup", end, false],
      ["pointercancel", end, false],
      ["touchend", swallow, true],
      ["click", swallow, true],
      ["contextmenu", swallow, true],
    ];
    for (const [name, listener, capture] of listeners) {
      element.addEventListener(name, listener as EventListener, capture);
    }
    return () => {
      end();
      for (const [name, listener, capture] of listeners) {
        element.removeEventListener(name, listener as EventListener, capture);
      }
    };
  };
}
