import type { Component } from "svelte";

import Missing from "./Missing.svelte";

// Parts that others are still writing: those that are there, and a stand-in for the rest.
const found = import.meta.glob<{ default: Component<Record<string, unknown>> }>([
  "../timeline/Timeline.svelte",
  "../composer/Composer.svelte",
  "../panels/{Details,Browse,CreateRoom,NewConversation,Settings,SearchPage}.svelte",
  "../admin/Admin.svelte",
  "./{Switcher,Help}.svelte",
]);

function part(path: string) {
  return (
    found[path] ??
    (() => Promise.resolve({ default: Missing as Component<Record<string, unknown>> }))
  );
}

export const parts = {
  timeline: part("../timeline/Timeline.svelte"),
  composer: part("../composer/Composer.svelte"),
  details: part("../panels/Details.svelte"),
  browse: part("../panels/Browse.svelte"),
  createRoom: part("../panels/CreateRoom.svelte"),
  newConversation: part("../panels/NewConversation.svelte"),
  settings: part("../panels/Settings.svelte"),
  search: part("../panels/SearchPage.svelte"),
  switcher: part("./Switcher.svelte"),
  help: part("./Help.svelte"),
  admin: part("../admin/Admin.svelte"),
};
