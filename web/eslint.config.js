import js from "@eslint/js";
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import ts from "typescript-eslint";

import config from "./svelte.config.js";

export default ts.config(
  js.configs.recommended,
  ts.configs.strict,
  svelte.configs.recommended,
  svelte.configs.prettier,
  { languageOptions: { globals: globals.browser } },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig: config } },
  },
  {
    rules: {
      // Names that are not used say so.
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "no-restricted-syntax": [
        "error",
        { selector: "CallExpression[callee.name='fetch']", message: "Ask by core/api.ts." },
      ],
    },
  },
  {
    // The heart knows neither pages nor components.
    files: ["src/core/**"],
    rules: {
      "no-restricted-imports": ["error", { patterns: ["svelte*", "../ui/*", "../app/*"] }],
    },
  },
  { files: ["src/core/api.ts", "src/sw.ts"], rules: { "no-restricted-syntax": "off" } },
);
