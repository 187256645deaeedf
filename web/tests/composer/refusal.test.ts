import { describe, expect, it } from "vitest";

import { refusalOf, slowUntil } from "../../src/app/composer/refusal";
import type { Room } from "../../src/core/model";
import type { Member, Message, Right, RoomInfo } from "../../src/core/types";

const NOW = 1_000_000;
const ME = "me";

function room(
  rights: Right[],
  info: Partial<RoomInfo> = {},
  me: Partial<Member> | null = {},
  said: number[] = [],
  pending: { at: number; state: "waiting" | "failed" }[] = [],
) {
  return {
    state: "ready",
    info: { archived_at: null, slow: 0, ...info },
    me: me && { user: ME, role: "member", muted_until: 0, ...me },
    may: (right: Right) => rights.includes(right),
    messages: said.map((at) => ({ user: ME, at }) as Message),
    pending,
  } as unknown as Room;
}

describe("refusalOf", () => {
  it("is nothing where one may speak, or nothing is known yet", () => {
    expect(refusalOf(room(["say"]), NOW)).toBeNull();
    expect(refusalOf({ ...room([]), state: "loading" } as Room, NOW)).toBeNull();
  });

  it("tells an archived room, and who can restore it", () => {
    const archived = { archived_at: 1 };
    expect(refusalOf(room([], archived), NOW)).toEqual({ kind: "archived", restore: false });
    expect(refusalOf(room(["archive"], archived), NOW)).toEqual({
      kind: "archived",
      restore: true,
    });
  });

  it("tells until when somebody is muted, and lets them try after that", () => {
    expect(refusalOf(room([], {}, { muted_until: NOW + 5 }), NOW)).toEqual({
      kind: "muted",
      until: NOW + 5,
    });
    expect(refusalOf(room([], {}, { muted_until: NOW - 5 }), NOW)).toBeNull();
  });

  it("tells who is no member whether they can join", () => {
    expect(refusalOf(room(["join"], {}, null), NOW)).toEqual({ kind: "outside", join: true });
    expect(refusalOf(room([], {}, null), NOW)).toEqual({ kind: "outside", join: false });
    expect(refusalOf(room(["say"], {}, null), NOW)).toBeNull(); // a guest in a public room
  });
});

describe("slowUntil", () => {
  const slow = { slow: 10 };

  it("counts from one's last message, also from one on its way", () => {
    expect(slowUntil(room(["say"], slow, {}, [NOW - 4_000]), ME, NOW)).toBe(NOW + 6_000);
    expect(slowUntil(room(["say"], slow, {}, [NOW - 40_000]), ME, NOW)).toBe(0);
    const waiting = [{ at: NOW - 1_000, state: "waiting" as const }];
    expect(slowUntil(room(["say"], slow, {}, [], waiting), ME, NOW)).toBe(NOW + 9_000);
    const failed = [{ at: NOW - 1_000, state: "failed" as const }];
    expect(slowUntil(room(["say"], slow, {}, [], failed), ME, NOW)).toBe(0);
  });

  it("is not for moderators, nor where the room is not slow", () => {
    expect(slowUntil(room(["say"], slow, { role: "moderator" }, [NOW]), ME, NOW)).toBe(0);
    expect(slowUntil(room(["say"], {}, {}, [NOW]), ME, NOW)).toBe(0);
  });

  it("never waits for longer than the room wants, whatever the clock says", () => {
    expect(slowUntil(room(["say"], slow, {}, [NOW + 99_000]), ME, NOW)).toBe(NOW + 10_000);
  });
});
