import type { frame as english } from "../en/frame";

export const frame: typeof english = {};
