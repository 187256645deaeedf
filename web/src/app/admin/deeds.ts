/** What administrators did, as sentences. */

import { t } from "../../i18n/pages";
import { type Piece, pieces } from "../panels/parts/sentence";
import type { Deed } from "./types";

/** One sentence, or one for each thing that was set. */
export function told(deed: Deed): Piece[][] {
  const texts = t().admin.deeds;
  const values: Record<string, Piece> = {
    by: { user: deed.by },
    ...(deed.user && { user: { user: deed.user } }),
  };
  const say = (template: string, more: Record<string, Piece> = {}) =>
    pieces(template, { ...values, ...more });
  const { detail } = deed;
  switch (deed.action) {
    case "administrator":
      if (detail["first"] === true) return [say(texts.first)];
      return [say(detail["is"] === true ? texts.appointed : texts.dismissed)];
    case "disabled":
      return [say(texts.disabled)];
    case "enabled":
      return [say(texts.enabled)];
    case "password_link":
      return [say(texts.passwordLink)];
    case "logins_ended":
      return [say(texts.loginsEnded(number(detail["logins"])))];
    case "invited":
      return [
        say(detail["uses"] === null ? texts.invitedAny : texts.invited(number(detail["uses"]))),
      ];
    case "pass_revoked":
      return [say(texts.passRevoked)];
    case "bot_made":
      return [say(texts.botMade)];
    case "key_made":
      return [say(texts.keyMade, { key: { said: text(detail["name"]) } })];
    case "key_revoked":
      return [say(texts.keyRevoked)];
    case "settings":
      return settings(detail, say);
    default:
      return [say(texts.other, { action: { text: deed.action } })];
  }
}

type Say = (template: string, more?: Record<string, Piece>) => Piece[];

function settings(detail: Deed["detail"], say: Say): Piece[][] {
  const texts = t().admin.deeds;
  const found: Piece[][] = [];
  const name = after(detail["name"]);
  if (typeof name === "string") found.push(say(texts.named, { name: { said: name } }));
  const mode = after(detail["sign_up"]);
  if (mode === "open") found.push(say(texts.signUpOpen));
  if (mode === "invitation") found.push(say(texts.signUpInvitation));
  if (mode === "closed") found.push(say(texts.signUpClosed));
  const guests = after(detail["guests"]);
  if (typeof guests === "boolean") found.push(say(guests ? texts.guestsIn : texts.guestsOut));
  return found.length > 0 ? found : [say(texts.set)];
}

/** What it is since then. */
function after(change: unknown): unknown {
  return typeof change === "object" && change !== null && "to" in change ? change.to : undefined;
}

const number = (value: unknown) => (typeof value === "number" ? value : 0);
const text = (value: unknown) => (typeof value === "string" ? value : "");
