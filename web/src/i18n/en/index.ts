import { admin } from "./admin";
import { composer } from "./composer";
import { frame } from "./frame";
import { panels } from "./panels";
import { timeline } from "./timeline";

export const en = { admin, composer, frame, panels, timeline };
