import type { Chat } from "../../../core/model";
import type { Id } from "../../../core/types";
import { go, roomPath } from "../../router.svelte";

/** Open the conversation with these people, which may be there already. Throws `Problem`. */
export async function converse(chat: Chat, users: readonly Id[]): Promise<void> {
  go(roomPath(await chat.rooms.create({ kind: "direct", members: [...users] })));
}
