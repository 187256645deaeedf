import { admin } from "./admin";
import { composer } from "./composer";
import { frame } from "./frame";
import { panels } from "./panels";
import { timeline } from "./timeline";
import type { Catalogue } from "../index.svelte";

export const de: Catalogue = { admin, composer, frame, panels, timeline };
