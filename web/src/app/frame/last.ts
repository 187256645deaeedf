import type { Id } from "../../core/types";

const name = (user: Id) => `hubbub.last.${user}`;

/** The room that somebody looked at last, in this browser. */
export function lastRoom(user: Id): Id {
  return localStorage.getItem(name(user)) ?? "";
}

export function keepLastRoom(user: Id, room: Id): void {
  localStorage.setItem(name(user), room);
}
