/** How this browser is to tell of messages. It is a matter of the device, and stays there. */

const KEPT = "hubbub.notify";

export interface NotifySettings {
  /** Show notifications of the system. They need the browser's permission besides. */
  readonly desktop: boolean;
  readonly sound: boolean;
}

function kept(): NotifySettings {
  try {
    const found = JSON.parse(localStorage.getItem(KEPT) ?? "{}") as Partial<NotifySettings>;
    return { desktop: found.desktop === true, sound: found.sound === true };
  } catch {
    return { desktop: false, sound: false };
  }
}

let settings = $state.raw(kept());

export function notifySettings(): NotifySettings {
  return settings;
}

export function setNotifySettings(change: Partial<NotifySettings>): void {
  settings = { ...settings, ...change };
  try {
    localStorage.setItem(KEPT, JSON.stringify(settings));
  } catch {
    // Without storage it holds as long as the page.
  }
}
