/** What there is before a chat: who is signed in, and how one comes to be. */

import type { Api } from "./api";
import { Chat } from "./chat";
import { newKey } from "./key";
import { Problem } from "./problem";
import { takeOver } from "./tabs";
import type { Id, PassLook, Server, Session } from "./types";
import { CentrifugeWire } from "./wire";

/** Where newcomers find each other, if there is such a room. */
const LOBBY = "~lobby";

export interface SignUp {
  name: string;
  display: string;
  password: string;
  /** Of an invitation, or of the server's first start. */
  code?: string;
}

/** What there is to know at first: of the server, and who is signed in; null for nobody. */
export async function arrive(api: Api): Promise<[Server, Session | null]> {
  const { session, ...server } = await api.get<Server & { session: Session | null }>("/server");
  return [server, session];
}

export function signIn(api: Api, name: string, password: string): Promise<Session> {
  return api.post<Session>("/session", { name, password });
}

/** Make an account, and come into the lobby. */
export async function signUp(api: Api, account: SignUp): Promise<Session> {
  return greeted(api, await api.post<Session>("/users", account));
}

export async function signInAsGuest(api: Api, display: string): Promise<Session> {
  return greeted(api, await api.post<Session>("/session/guest", { display }));
}

/** What the code of a link is good for. */
export function lookAtPass(api: Api, code: string): Promise<PassLook> {
  return api.post<PassLook>("/passes/look", { code });
}

/** Set the password that a link is for, and sign in. */
export function resetPassword(api: Api, code: string, password: string): Promise<Session> {
  return api.post<Session>("/session/password", { code, password });
}

/** Sign out. What was not sent yet and what was begun is forgotten with it: stop the chat before. */
export async function signOut(api: Api, session: Session): Promise<void> {
  await api.delete("/session");
  forget(session.user.id);
}

/** Have the chat of who is signed in; it connects at once. */
export function startChat(api: Api, session: Session): Chat {
  const address = new URL("connection/websocket", document.baseURI);
  address.protocol = address.protocol.replace("http", "ws");
  address.hash = "";
  const chat: Chat = new Chat({
    api,
    wire: new CentrifugeWire(address.href, () => token(api, session)),
    session,
    shelf: localStorage,
    // Each page has one of its own: a tab that is duplicated has its storage, too.
    tab: newKey(),
  });
  chat.onStop(takeOver(chat.outbox));
  const leave = () => chat.leave();
  addEventListener("pagehide", leave);
  chat.onStop(() => removeEventListener("pagehide", leave));
  chat.start();
  return chat;
}

/** What a socket shows. Another tab may have signed in somebody else meanwhile: not for them. */
async function token(api: Api, session: Session): Promise<string> {
  const [made, now] = await Promise.all([
    api.post<{ token: string }>("/session/token"),
    api.get<Session>("/session"),
  ]);
  if (now.user.id !== session.user.id) throw new Problem({ type: "", title: "", status: 401 });
  return made.token;
}

async function greeted(api: Api, session: Session): Promise<Session> {
  try {
    await api.post(`/rooms/${LOBBY}/join`);
  } catch {
    // There is none, or it is not for guests.
  }
  return session;
}

function forget(user: Id): void {
  for (const name of Object.keys(localStorage)) {
    if (name.startsWith("hubbub.") && name.includes(`.${user}`)) localStorage.removeItem(name);
  }
}
