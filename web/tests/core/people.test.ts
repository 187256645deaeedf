import { beforeEach, describe, expect, it } from "vitest";

import { People } from "../../src/core/people";
import { FakeServer, settle } from "./support/api";
import { profile } from "./support/chat";

let server: FakeServer;
let people: People;

beforeEach(() => {
  server = new FakeServer();
  people = new People(server.api);
});

describe("people", () => {
  it("who are not known are asked for together, a hundred at most", async () => {
    const ids = Array.from({ length: 130 }, (_, index) => `u${index}`);
    for (const id of [...ids, ...ids]) expect(people.get(id).display).toBe("…");
    await settle();
    const first = server.next("GET /users");
    expect(first.query.getAll("id")).toEqual(ids.slice(0, 100));
    first.answer({ items: ids.slice(0, 100).map((id) => profile(id)), next: null });
    await settle();
    expect(server.next("GET /users").query.getAll("id")).toEqual(ids.slice(100));
    expect(people.get("u0").display).toBe("U0");
  });

  it("are asked for again only by who asks again, and not where it is no use", async () => {
    people.get("a");
    await settle();
    server.next("GET /users").fail();
    await settle();
    people.get("a");
    await settle();
    server.next("GET /users").answer({ items: [], next: null });
    await settle();
    expect(people.get("a").display).toBe("…");
    await settle();
    expect(server.asked).toEqual([]);
  });

  it("are the same objects as long as they are the same", () => {
    let told = 0;
    people.learn([profile("a")]);
    const before = people.get("a");
    people.subscribe(() => (told += 1));
    people.learn([profile("a")]);
    expect([people.get("a") === before, told]).toEqual([true, 0]);
    people.learn([profile("a", { status: "out" })]);
    expect(people.get("a").status).toBe("out");
  });

  it("are found by what their names begin with, first, and without those that are disabled", async () => {
    const finding = people.find("an");
    const asked = server.next("GET /users");
    expect([asked.query.get("q"), asked.query.get("limit")]).toEqual(["an", "10"]);
    asked.answer({
      items: [
        profile("dan"),
        profile("u", { name: "zoe", display: "Ann" }),
        profile("andy", { disabled: true }),
        profile("anna"),
      ],
      next: null,
    });
    expect((await finding).map((one) => one.id)).toEqual(["u", "anna", "dan"]);
  });

  it("are found among those that are known, by guests", async () => {
    people.learn([profile("anna"), profile("bob"), profile("g", { name: null, display: "an" })]);
    const finding = people.find("an");
    server.next("GET /users").answer({}, 403);
    expect((await finding).map((one) => one.id)).toEqual(["anna"]);
  });

  it("are offline where a room says nothing of them", async () => {
    people.setPresence("a", "online");
    const asking = people.askPresence("r", ["a", "b"]);
    server.next("GET /rooms/r/presence").answer({ states: { b: "away" } });
    await asking;
    expect([people.presence("a"), people.presence("b")]).toEqual(["offline", "away"]);
  });
});
