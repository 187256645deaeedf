import { fileURLToPath } from "node:url";

import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

import { finish } from "./vite/finish.ts";

/** Where a server of your own runs while you work on the pages (`npm run dev`). */
const server = process.env["HUBBUB_URL"] ?? "http://127.0.0.1:8000";

export default defineConfig({
  resolve: {
    alias: { entities: fileURLToPath(new URL("src/app/timeline/entities.ts", import.meta.url)) },
  },
  plugins: [svelte(), finish()],
  base: "./",
  build: {
    outDir: "../src/hubbub/chat/client",
    emptyOutDir: true,
    target: "es2022",
    // Everything is a file of its own: the Content-Security-Policy takes no data: addresses.
    assetsInlineLimit: 0,
    // Its loader is an inline style in the page.
    modulePreload: { polyfill: false },
    rolldownOptions: {
      checks: { pluginTimings: false },
      input: { index: "index.html", sw: "src/sw.ts" },
      output: {
        // The worker's address is what a browser knows it by.
        entryFileNames: ({ name }) => (name === "sw" ? "sw.js" : "assets/[name]-[hash].js"),
        // What a room needs is one file, which compresses best, and is there after one question.
        // What later parts share is another, and not one for each icon and button.
        codeSplitting: {
          groups: [
            { name: "first", tags: ["$initial"], test: /^(?!.*src\/sw\.ts$)/ },
            { name: "more", test: /src\/ui\/|node_modules\/(@lucide|svelte)\// },
          ],
        },
      },
    },
  },
  server: {
    proxy: {
      "/api": { target: server, changeOrigin: true },
      "/connection": { target: server, ws: true, changeOrigin: true },
    },
  },
  test: {
    include: ["tests/**/*.test.ts"],
    environment: "node",
    server: { deps: { inline: ["markdown-it"] } }, // with the alias above
  },
});
