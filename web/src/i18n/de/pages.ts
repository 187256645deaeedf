import type { Pages } from "../pages";
import { admin } from "./admin";
import { panels } from "./panels";

export const pages: Pages = { admin, panels };
