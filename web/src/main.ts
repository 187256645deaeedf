import "./styles/tokens.css";
import "./styles/base.css";

import { mount } from "svelte";

import { followTheme } from "./app/theme.svelte";
import App from "./app/App.svelte";
import { followVersions } from "./app/frame/register";
import { setNewVersion } from "./app/frame/version.svelte";
import { startLanguage } from "./i18n/index.svelte";

async function start(): Promise<void> {
  followTheme();
  const target = document.getElementById("app");
  if (target === null) throw new Error("there is no place for the page");
  await startLanguage();
  target.replaceChildren();
  mount(App, { target });
  await followVersions(setNewVersion);
}

// Not awaited here: what is fetched later may be in want of this file, and would wait for it.
void start();
