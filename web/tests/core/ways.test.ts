import { describe, expect, it } from "vitest";

import { waysTo } from "../../src/core/wire";

describe("waysTo", () => {
  it("takes the WebSocket first, and what networks without it let through after that", () => {
    expect(waysTo("wss://example.com/connection/websocket")).toEqual({
      ways: [
        { transport: "websocket", endpoint: "wss://example.com/connection/websocket" },
        { transport: "http_stream", endpoint: "https://example.com/connection/http_stream" },
        { transport: "sse", endpoint: "https://example.com/connection/sse" },
      ],
      emulationEndpoint: "https://example.com/emulation",
    });
  });

  it("stays below the path that a proxy has for the chat", () => {
    expect(waysTo("ws://127.0.0.1:8000/chat/connection/websocket").emulationEndpoint).toBe(
      "http://127.0.0.1:8000/chat/emulation",
    );
  });
});
