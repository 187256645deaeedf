// What is on the page, put together.

import * as Y from "yjs";

import { showCarets } from "./carets.js";
import { bind } from "./field.js";
import { People } from "./people.js";
import { SharedText } from "./shared.js";
import { showPeople } from "./here.js";
import { showStatus } from "./status.js";

export function open(name) {
  const client = new Centrifuge(`${location.origin.replace(/^http/, "ws")}/connection/websocket`, {
    protocol: "protobuf",
    maxReconnectDelay: 5_000,
  });
  const doc = new Y.Doc();
  const text = doc.getText("text");
  const field = document.getElementById("field");

  const shared = new SharedText(client, name, doc);
  const people = new People(client, name, doc);
  bind(field, text, shared);
  showCarets(field, text, people);
  showPeople(text, people);
  showStatus(client, shared);
  shared.addEventListener("change", () => (field.readOnly = !shared.known));
  addEventListener("beforeunload", (event) => {
    if (!shared.saved) event.preventDefault();
  });
  client.connect();
}
