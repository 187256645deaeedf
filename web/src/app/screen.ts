import { MediaQuery } from "svelte/reactivity";

/** Room for three columns: rooms, messages, details. The styles have the same numbers. */
export const wide = new MediaQuery("min-width: 64rem");

/** Room for one column alone. */
export const narrow = new MediaQuery("max-width: 47.99rem");

/** Touched rather than pointed at: there, focus in a field brings up a keyboard. */
export const touched = new MediaQuery("pointer: coarse");
