/** Who is in a room, in groups; and what one may do to whom. */

import type { Id, Member, Presence, Profile, Role, RoomKind } from "../../../core/types";

export interface Group {
  presence: Presence;
  members: Member[];
  /** How many they are, of whom `members` may be the first. */
  size: number;
}

/** What one can do to another member, in the order of a menu. */
export type Deed =
  "message" | "owner" | "moderator" | "member" | "mute" | "unmute" | "kick" | "ban";

const RANK: Readonly<Record<Role, number>> = { guest: 1, member: 2, moderator: 3, owner: 4 };
const ORDER: readonly Presence[] = ["online", "away", "offline"];

/** How members are found and ordered by; what is known of them may come later. */
export interface Known {
  get(id: Id): Profile;
  presence(id: Id): Presence;
}

/** Members that `wanted` may mean, by presence, role and name. Groups without anybody are left out. */
export function grouped(members: Iterable<Member>, people: Known, wanted = ""): Group[] {
  const text = folded(wanted.trim().replace(/^@/, ""));
  const groups = new Map<Presence, { member: Member; name: string }[]>();
  for (const member of members) {
    const profile = people.get(member.user);
    if (text && !matches(profile, text)) continue;
    const presence = people.presence(member.user);
    const group = groups.get(presence) ?? [];
    groups.set(presence, group);
    group.push({ member, name: profile.display });
  }
  const names = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  return ORDER.flatMap((presence) => {
    const group = groups.get(presence);
    if (!group) return [];
    group.sort(
      (a, b) => RANK[b.member.role] - RANK[a.member.role] || names.compare(a.name, b.name),
    );
    return [{ presence, members: group.map((one) => one.member), size: group.length }];
  });
}

/** The first so many of them. */
export function shortened(groups: readonly Group[], most: number): Group[] {
  let left = most;
  return groups.flatMap((group) => {
    const members = group.members.slice(0, left);
    left -= members.length;
    return members.length > 0 ? [{ ...group, members }] : [];
  });
}

function matches(profile: Profile, text: string): boolean {
  return folded(profile.display).includes(text) || folded(profile.name ?? "").includes(text);
}

/** Without case and accents. */
export function folded(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

/** How somebody stands in a room: administrators of the server are owners, but not in conversations. */
function rank(member: Member | null, profile: Profile, kind: RoomKind): number {
  if (profile.admin && (kind === "public" || (member && kind !== "direct"))) return RANK.owner;
  return member ? RANK[member.role] : 0;
}

export interface Standing {
  me: Profile;
  member: Member | null;
  kind: RoomKind;
  may(right: "kick" | "ban" | "mute" | "appoint"): boolean;
}

/** What one may do to that member. The server has the last word: it knows the last owner. */
export function deeds(mine: Standing, member: Member, profile: Profile, now: number): Deed[] {
  const self = member.user === mine.me.id;
  const found: Deed[] = [];
  if (!self && profile.kind !== "guest" && !profile.disabled) found.push("message");
  if (mine.kind === "direct") return found;
  if (mine.may("appoint") && member.role !== "guest") {
    const roles = ["owner", "moderator", "member"] as const;
    found.push(...roles.filter((role) => role !== member.role));
  }
  if (self || rank(mine.member, mine.me, mine.kind) <= rank(member, profile, mine.kind)) {
    return found;
  }
  if (mine.may("mute")) found.push(member.muted_until > now ? "unmute" : "mute");
  if (mine.may("kick")) found.push("kick");
  if (mine.may("ban")) found.push("ban");
  return found;
}
