import type { Api } from "../../../core/api";
import type { RoomKind } from "../../../core/types";

/** What the link of a room's invitation leads to. */
export interface Invitation {
  name: string;
  kind: RoomKind;
  people: number;
  expires_at: number;
}

export function lookAtInvitation(api: Api, code: string): Promise<Invitation> {
  return api.get<Invitation>(`/invites/${encodeURIComponent(code)}`);
}
