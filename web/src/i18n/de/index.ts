import type { Catalogue } from "../index.svelte";
import { composer } from "./composer";
import { frame } from "./frame";
import { timeline } from "./timeline";

export const de: Catalogue = { composer, frame, timeline };
