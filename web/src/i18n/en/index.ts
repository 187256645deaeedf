import { composer } from "./composer";
import { frame } from "./frame";
import { timeline } from "./timeline";

/** What is said as soon as the page is there. */
export const en = { composer, frame, timeline };
