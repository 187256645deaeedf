import type { Attachment } from "svelte/attachments";

/** While it is there, going back takes it away, and leads nowhere else: as on phones. */
export function backCloses(close: () => void): Attachment {
  return () => {
    const mark = crypto.randomUUID?.() ?? String(Math.random());
    history.pushState(mark, "");
    const gone = () => {
      if (history.state !== mark) close();
    };
    addEventListener("popstate", gone);
    return () => {
      removeEventListener("popstate", gone);
      // Closed by itself: what was put there for it goes, too.
      if (history.state === mark) history.back();
    };
  };
}
