import { SvelteSet } from "svelte/reactivity";

/** Long messages that are shown as a whole. They stay so when they leave the page and come back. */
export const folds = new SvelteSet<number>();
