// How the connection is, and whether what was written is on the server, in words.

export function showStatus(client, shared) {
  const status = document.getElementById("status");
  const saved = document.getElementById("saved");
  let wasThere = false; // or tried in vain

  function show() {
    const connected = client.state === "connected" ? "catching-up" : "offline";
    const state = shared.complete ? "live" : wasThere ? connected : "connecting";
    // Not the same again, since it is read aloud.
    if (status.dataset.state !== state) {
      status.dataset.state = state;
      status.textContent = WORDS[state];
    }
    saved.textContent = shared.refused
      ? `Not saved: ${shared.refused}.`
      : shared.saved
        ? "All changes are saved."
        : "Some changes are not saved yet.";
  }

  client.on("connected", () => (wasThere = true));
  client.on("state", show);
  client.on("error", () => {
    wasThere = true;
    show();
  });
  shared.addEventListener("change", show);
  show();
}

const WORDS = {
  connecting: "Connecting…",
  offline: "Offline: go on writing, it is sent as soon as the connection is back.",
  "catching-up": "Catching up…",
  live: "Live",
};
