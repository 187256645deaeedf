/** Parts of the page that are fetched when they are wanted. */
export const parts = {
  details: () => import("../panels/Details.svelte"),
  browse: () => import("../panels/Browse.svelte"),
  createRoom: () => import("../panels/CreateRoom.svelte"),
  newConversation: () => import("../panels/NewConversation.svelte"),
  settings: () => import("../panels/Settings.svelte"),
  search: () => import("../panels/SearchPage.svelte"),
  admin: () => import("../admin/Admin.svelte"),
  switcher: () => import("./Switcher.svelte"),
  invited: () => import("./Invited.svelte"),
  help: () => import("./Help.svelte"),
};
