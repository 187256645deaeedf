import type { Profile } from "../../src/core/types";

/** Somebody, for tests. */
export function person(
  name: string | null,
  display = name ?? "Guest",
  id = `u-${display}`,
): Profile {
  return {
    id,
    name,
    display,
    kind: name === null ? "guest" : "person",
    admin: false,
    status: "",
    avatar: "",
    initials: "",
    color: "",
    created_at: 0,
    disabled: false,
  };
}
