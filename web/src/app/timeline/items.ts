import Copy from "@lucide/svelte/icons/copy";
import Link from "@lucide/svelte/icons/link";
import Pencil from "@lucide/svelte/icons/pencil";
import Pin from "@lucide/svelte/icons/pin";
import PinOff from "@lucide/svelte/icons/pin-off";
import Reply from "@lucide/svelte/icons/reply";
import SmilePlus from "@lucide/svelte/icons/smile-plus";
import Trash from "@lucide/svelte/icons/trash-2";

import type { Message } from "../../core/types";
import { t } from "../../i18n/index.svelte";
import type { MenuItem } from "../../ui/Menu.svelte";
import type { Commands } from "./commands.svelte";

/** Reactions that are one step away. */
export const QUICK = ["👍", "❤️", "😂"] as const;

/** What may be done with a message, as a menu has it. */
export function itemsOf(commands: Commands, message: Message, at: HTMLElement): MenuItem[] {
  const texts = t().timeline;
  const pinned = message.pinned_at !== null;
  const all: (MenuItem & { may: boolean })[] = [
    {
      may: commands.mayReply(message),
      label: texts.reply,
      icon: Reply,
      onpick: () => commands.reply(message),
    },
    {
      may: commands.mayReact(message),
      label: texts.react,
      icon: SmilePlus,
      onpick: () => commands.show({ kind: "emojis", message, at }),
    },
    {
      may: commands.mayEdit(message),
      label: texts.edit,
      icon: Pencil,
      onpick: () => commands.edit(message),
    },
    {
      may: message.text !== "",
      label: texts.copyText,
      icon: Copy,
      onpick: () => void commands.copyText(message),
    },
    {
      may: true,
      label: texts.copyLink,
      icon: Link,
      onpick: () => void commands.copyLink(message),
    },
    {
      may: commands.mayPin(message),
      label: pinned ? texts.unpin : texts.pin,
      icon: pinned ? PinOff : Pin,
      onpick: () => void commands.pin(message),
    },
    {
      may: commands.mayDelete(message),
      label: texts.delete,
      icon: Trash,
      danger: true,
      onpick: () => commands.show({ kind: "delete", message }),
    },
  ];
  return all.filter((one) => one.may);
}
