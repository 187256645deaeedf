import { describe, expect, it } from "vitest";

import { deeds, grouped, type Known, type Standing } from "../../src/app/panels/members/members";
import type { Id, Member, Presence, Profile, Role } from "../../src/core/types";

function profile(id: Id, more: Partial<Profile> = {}): Profile {
  return {
    id,
    name: id,
    display: id,
    kind: "person",
    admin: false,
    status: "",
    avatar: "",
    initials: "",
    color: "",
    created_at: 0,
    disabled: false,
    ...more,
  };
}

function member(user: Id, role: Role = "member", muted_until = 0): Member {
  return { user, role, muted_until };
}

const names: Record<Id, string> = {
  ann: "Ann",
  bob: "bob",
  eva: "Éva",
  ten: "Room 10",
  two: "Room 2",
};
const states: Record<Id, Presence> = { ann: "online", bob: "online", eva: "away" };
const people: Known = {
  get: (id) => profile(id, { display: names[id] ?? id }),
  presence: (id) => states[id] ?? "offline",
};

const ids = (found: ReturnType<typeof grouped>) =>
  found.map((one) => [one.presence, ...one.members.map((each) => each.user)]);

describe("members in groups", () => {
  it("are by presence, role and name", () => {
    const all = [
      member("two"),
      member("ten"),
      member("bob"),
      member("ann"),
      member("eva", "owner"),
    ];
    all.push(member("zoe", "moderator"));
    expect(ids(grouped(all, people))).toEqual([
      ["online", "ann", "bob"],
      ["away", "eva"],
      ["offline", "zoe", "two", "ten"],
    ]);
  });

  it("are none without anybody", () => {
    expect(grouped([], people)).toEqual([]);
  });

  it("are found by any part of their names, without accents", () => {
    const all = [member("ann"), member("eva"), member("two")];
    expect(ids(grouped(all, people, " eva "))).toEqual([["away", "eva"]]);
    expect(ids(grouped(all, people, "@AN"))).toEqual([["online", "ann"]]);
    expect(ids(grouped(all, people, "room"))).toEqual([["offline", "two"]]);
    expect(grouped(all, people, "nobody")).toEqual([]);
  });
});

describe("what one may do to a member", () => {
  const rights: Record<string, string[]> = {
    owner: ["kick", "ban", "mute", "appoint"],
    moderator: ["kick", "ban", "mute"],
    member: [],
  };
  const standing = (role: Role, more: Partial<Standing> = {}): Standing => ({
    me: profile("me"),
    member: member("me", role),
    kind: "public",
    may: (right) => rights[role]?.includes(right) ?? false,
    ...more,
  });

  it("is by one's own role and theirs", () => {
    expect(deeds(standing("member"), member("ann"), profile("ann"), 0)).toEqual(["message"]);
    expect(deeds(standing("moderator"), member("ann"), profile("ann"), 0)).toEqual([
      "message",
      "mute",
      "kick",
      "ban",
    ]);
    const other = member("ann", "moderator");
    expect(deeds(standing("moderator"), other, profile("ann"), 0)).toEqual(["message"]);
    expect(deeds(standing("owner"), other, profile("ann"), 0)).toEqual([
      "message",
      "owner",
      "member",
      "mute",
      "kick",
      "ban",
    ]);
  });

  it("lets owners change each other's roles and no more", () => {
    const other = member("ann", "owner");
    expect(deeds(standing("owner"), other, profile("ann"), 0)).toEqual([
      "message",
      "moderator",
      "member",
    ]);
  });

  it("is to unmute who is muted, and to mute whose time is over", () => {
    const found = (until: number) =>
      deeds(standing("moderator"), member("ann", "member", until), profile("ann"), 1000);
    expect(found(2000)).toContain("unmute");
    expect(found(500)).toContain("mute");
  });

  it("is nothing to oneself but to step down", () => {
    expect(deeds(standing("owner"), member("me", "owner"), profile("me"), 0)).toEqual([
      "moderator",
      "member",
    ]);
    expect(deeds(standing("member"), member("me"), profile("me"), 0)).toEqual([]);
  });

  it("takes administrators for owners, but in conversations", () => {
    const admin = profile("ann", { admin: true });
    expect(deeds(standing("moderator"), member("ann"), admin, 0)).toEqual(["message"]);
    const direct = standing("owner", { kind: "direct" });
    expect(deeds(direct, member("ann"), profile("ann"), 0)).toEqual(["message"]);
    const outside = standing("owner", { me: profile("me", { admin: true }), member: null });
    expect(deeds(outside, member("bob"), profile("bob"), 0)).toContain("kick");
  });

  it("gives a guest no other role, and no conversation", () => {
    const guest = profile("gus", { kind: "guest", name: null });
    expect(deeds(standing("owner"), member("gus", "guest"), guest, 0)).toEqual([
      "mute",
      "kick",
      "ban",
    ]);
  });
});
