import type { Api } from "../../../core/api";
import type { Id, RoomKind } from "../../../core/types";

/** What the link of a room's invitation leads to. */
export interface Invitation {
  name: string;
  kind: RoomKind;
  people: number;
  expires_at: number;
  /** For who is a member already. */
  room: Id | null;
}

/** Be a member of the room that it leads to, which one may be already. */
export async function acceptInvitation(api: Api, code: string): Promise<Id> {
  const { room } = await lookAtInvitation(api, code);
  if (room) return room;
  const path = `/invites/${encodeURIComponent(code)}/join`;
  return (await api.post<{ room: { id: Id } }>(path)).room.id;
}

export function lookAtInvitation(api: Api, code: string): Promise<Invitation> {
  return api.get<Invitation>(`/invites/${encodeURIComponent(code)}`);
}
