/** What moderators did, as sentences. */

import type { Id } from "../../../core/types";
import { t } from "../../../i18n/pages";
import { days, moment, span } from "../parts/format";
import { type Piece, pieces } from "../parts/sentence";

/** An entry of `GET /rooms/{room}/audit`. */
export interface Deed {
  id: number;
  at: number;
  by: Id;
  action: string;
  user: Id | null;
  detail: Readonly<Record<string, unknown>>;
}

export interface Told {
  sentences: Piece[][];
  /** Why, in the words of who did it. */
  reason: string;
}

export function told(deed: Deed): Told {
  const by: Piece = deed.by ? { user: deed.by } : { text: t().panels.audit.server };
  const values: Record<string, Piece> = { by, ...(deed.user && { user: { user: deed.user } }) };
  const say = (template: string, more: Record<string, Piece> = {}) =>
    pieces(template, { ...values, ...more });
  const sentences = deed.action === "changed" ? changes(deed, say) : [one(deed, say)];
  return { sentences, reason: text(deed, "reason") };
}

type Say = (template: string, more?: Record<string, Piece>) => Piece[];

function one(deed: Deed, say: Say): Piece[] {
  const texts = t().panels.audit;
  const until = number(deed, "until");
  const time = { text: moment(until) };
  switch (deed.action) {
    case "archived":
      return say(texts.archived);
    case "restored":
      return say(texts.restored);
    case "joined":
      return say(texts.joined);
    case "kicked":
      return say(texts.kicked);
    case "banned":
      return until ? say(texts.bannedUntil, { time }) : say(texts.banned);
    case "unbanned":
      return say(texts.unbanned);
    case "muted":
      return say(texts.muted, { time });
    case "unmuted":
      return say(texts.unmuted);
    case "appointed": {
      const role = text(deed, "role");
      if (role === "owner") return say(texts.owner);
      return say(role === "moderator" ? texts.moderator : texts.member);
    }
    case "invited":
      return say(texts.invited);
    case "uninvited":
      return say(texts.uninvited);
    case "deleted":
      return say(texts.deleted);
    default:
      return say(texts.other, { action: { text: deed.action } });
  }
}

/** One sentence for each thing that was changed. */
function changes(deed: Deed, say: Say): Piece[][] {
  const texts = t().panels.audit;
  const { detail } = deed;
  const found: Piece[][] = [];
  if (detail["name"] !== undefined) {
    found.push(say(texts.name, { name: { said: text(deed, "name") } }));
  }
  if (detail["topic"] !== undefined) {
    const topic = text(deed, "topic");
    found.push(topic ? say(texts.topic, { topic: { said: topic } }) : say(texts.noTopic));
  }
  if (detail["kind"] !== undefined) {
    found.push(say(detail["kind"] === "public" ? texts.public : texts.private));
  }
  if (detail["slow"] !== undefined) {
    const slow = number(deed, "slow");
    found.push(slow ? say(texts.slow, { time: { text: span(slow) } }) : say(texts.notSlow));
  }
  if (detail["keep"] !== undefined) {
    const keep = number(deed, "keep");
    found.push(keep ? say(texts.keep, { time: { text: days(keep) } }) : say(texts.keepAll));
  }
  return found;
}

function text(deed: Deed, name: string): string {
  const value = deed.detail[name];
  return typeof value === "string" ? value : "";
}

function number(deed: Deed, name: string): number {
  const value = deed.detail[name];
  return typeof value === "number" ? value : 0;
}
