import { toast } from "../../ui/toast.svelte";

/** Put that into the clipboard; where it cannot be, say so. */
export async function copied(text: string, otherwise: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    toast(otherwise, "bad");
    return false;
  }
}
