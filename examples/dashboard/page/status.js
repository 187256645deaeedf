// How the connection is, in words. It says nothing of a gap that is over before anyone reads it.

/** Show in `place` how `client` is doing, and whether `orders` has all that there is. */
export function showStatus(place, client, orders) {
  let wasThere = false; // or tried in vain

  function show() {
    if (client.state === "connected") say(orders.complete ? "live" : "catching-up");
    else say(wasThere ? "offline" : "connecting");
  }

  function say(state) {
    if (place.dataset.state === state) return;
    place.dataset.state = state;
    place.textContent = WORDS[state];
  }

  client.on("state", show);
  client.on("connected", () => (wasThere = true));
  client.on("error", () => {
    wasThere = true;
    show();
  });
  orders.addEventListener("change", show);
  show();
}

const WORDS = {
  connecting: "Connecting…",
  offline: "Offline: these are the last figures known. Trying again…",
  "catching-up": "Catching up…",
  live: "Live",
};
