import "./styles/tokens.css";
import "./styles/base.css";

import { mount } from "svelte";

import { followTheme } from "./app/theme.svelte";
import App from "./app/App.svelte";
import { followVersions } from "./app/frame/register";
import { setNewVersion } from "./app/frame/version.svelte";
import { preferredLanguage, setLanguage } from "./i18n/index.svelte";

followTheme();
const target = document.getElementById("app");
if (target === null) throw new Error("there is no place for the page");
await setLanguage(preferredLanguage());
mount(App, { target });
void followVersions(setNewVersion);
