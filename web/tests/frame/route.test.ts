import { expect, test } from "vitest";

import { parse } from "../../src/app/route";

test.each([
  ["", { name: "home", params: {} }],
  ["#/", { name: "home", params: {} }],
  ["#/rooms/r1", { name: "room", params: { room: "r1", message: null } }],
  ["#/rooms/r1/17", { name: "room", params: { room: "r1", message: 17 } }],
  ["#/rooms/r1/seventeen", { name: "room", params: { room: "r1", message: null } }],
  ["#/rooms/~caf%C3%A9", { name: "room", params: { room: "~café", message: null } }],
  ["#/rooms/", { name: "home", params: {} }],
  ["#/browse", { name: "browse", params: {} }],
  ["#/settings", { name: "settings", params: { tab: "" } }],
  ["#/admin/users", { name: "admin", params: { tab: "users" } }],
  ["#/search?q=a%20%26%20b", { name: "search", params: { q: "a & b" } }],
  ["#/nowhere", { name: "home", params: {} }],
  ["#/rooms/%E0%A4%A", { name: "room", params: { room: "%E0%A4%A", message: null } }],
  ["#welcome=abc_-9", { name: "link", params: { kind: "welcome", code: "abc_-9" } }],
  ["#invite=r1.4.x%2By", { name: "link", params: { kind: "invite", code: "r1.4.x+y" } }],
  [
    "#problem=sign-in-failed",
    { name: "link", params: { kind: "problem", code: "sign-in-failed" } },
  ],
  ["#pass=", { name: "home", params: {} }],
])("%s leads there", (hash, route) => {
  expect(parse(hash)).toEqual(route);
});
