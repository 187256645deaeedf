import type { Session } from "../../../core/types";

/** What was typed, on whichever page: going from one to another loses nothing. */
export interface Typed {
  name: string;
  display: string;
  password: string;
}

/** Called with who is signed in now. */
export type Entered = (session: Session) => void | Promise<void>;
