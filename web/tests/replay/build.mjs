/** Bundle what is here for Node.js into the folder that is given. */

import { argv } from "node:process";

import { build } from "vite";

await build({
  configFile: false,
  logLevel: "warn",
  publicDir: false,
  ssr: { noExternal: true },
  build: {
    ssr: true,
    outDir: argv[2],
    emptyOutDir: true,
    rolldownOptions: {
      input: { replay: "tests/replay/replay.ts", crowd: "tests/replay/crowd.ts" },
      output: { entryFileNames: "[name].mjs" },
    },
  },
});
