/** Bundle the replay for Node.js into the folder that is given. */

import { argv } from "node:process";

import { build } from "vite";

await build({
  configFile: false,
  logLevel: "warn",
  publicDir: false,
  build: {
    ssr: "tests/replay/replay.ts",
    outDir: argv[2],
    emptyOutDir: true,
    rolldownOptions: { output: { entryFileNames: "replay.mjs" } },
  },
});
