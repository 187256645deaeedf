import { admin } from "./admin";
import { panels } from "./panels";

/** What is said by what is fetched later. */
export const pages = { admin, panels };
