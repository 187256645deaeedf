// The page of the dashboard: two rooms over one connection.

import { placeOrders, showOrders } from "./counter.js";
import { showKettles } from "./kettles.js";
import { Orders } from "./orders.js";
import { showStatus } from "./status.js";

const status = document.getElementById("status");

if (globalThis.Centrifuge) {
  const client = new Centrifuge(`${location.origin.replace(/^http/, "ws")}/connection/websocket`, {
    maxReconnectDelay: 5_000,
  });
  const orders = new Orders(client);
  showOrders(orders);
  showKettles(client);
  showStatus(status, client, orders);
  client.connect();
} else {
  status.textContent = "A package is missing. Run: npm --prefix examples/dashboard ci";
}
placeOrders(document.getElementById("place"));
