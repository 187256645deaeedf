import { createContext } from "svelte";

import type { Api } from "../core/api";
import type { Chat } from "../core/model";
import type { Server } from "../core/types";

/** What all components below the application have: the chat of who is signed in, … */
export const [getChat, setChat] = createContext<Chat>();
/** … the HTTP API, … */
export const [getApi, setApi] = createContext<Api>();
/** … and what the server says of itself: one object, whose members change. */
export const [getServer, setServer] = createContext<Server>();
/** How one signs out; who has messages that wait is asked before. */
export const [getSignOut, setSignOut] = createContext<() => Promise<void>>();
