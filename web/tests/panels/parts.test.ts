import { describe, expect, it } from "vitest";

import { agentOf } from "../../src/app/panels/own/agent";
import { direction } from "../../src/app/panels/parts/direction";
import { days, span } from "../../src/app/panels/parts/format";
import { slug } from "../../src/app/panels/parts/slug";

describe("a program", () => {
  it("is guessed by what it calls itself", () => {
    const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
    expect(agentOf(firefox)).toEqual({ browser: "Firefox", system: "Linux", small: false });
    const edge = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537 Chrome/140 Safari/537 Edg/140";
    expect(agentOf(edge)).toEqual({ browser: "Edge", system: "Windows", small: false });
    const phone =
      "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18 Safari/604";
    expect(agentOf(phone)).toEqual({ browser: "Safari", system: "iPhone", small: true });
    expect(agentOf("")).toEqual({ browser: "", system: "", small: false });
  });
});

describe("a span", () => {
  it("is said in its largest unit", () => {
    expect(span(1)).toBe("1 second");
    expect(span(90)).toBe("90 seconds");
    expect(span(3600)).toBe("1 hour");
    expect(days(30)).toBe("30 days");
  });
});

describe("a room's name in an address", () => {
  it("is as the server makes it", () => {
    expect(slug("Lunch plans!")).toBe("lunch-plans");
    expect(slug("  Büro № 4 ")).toBe("büro-no-4");
    expect(slug("日本 語")).toBe("日本-語");
    expect(slug("!!!")).toBe("");
    expect(slug("x".repeat(80))).toHaveLength(64);
  });
});

describe("the direction of a text", () => {
  it("is that of its first letter", () => {
    expect(direction("deploy غدا")).toBe("ltr");
    expect(direction("… 12 هل deploy")).toBe("rtl");
    expect(direction("שלום")).toBe("rtl");
    expect(direction("🎉 42")).toBe("ltr");
  });
});
