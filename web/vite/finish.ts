import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

import type { Plugin } from "vite";

const WORKER = "sw.js";

/** What it pays to compress: text, and not what is compressed in itself. */
const TEXT = /\.(css|html|js|json|svg|webmanifest)$/;

/** Smaller files fit into one packet as they are. */
const LEAST_BYTES = 1024;

/** What a page needs without the server; icons are for the system, data is kept elsewhere. */
const SHELL = /^(index\.html|favicon.*\.svg|assets\/.*\.(css|js))$/;

/**
 * The last of a build: tells the service worker which files there are, and leaves the compressed
 * forms of each beside it, for the server to send.
 */
export function finish(): Plugin {
  return {
    name: "hubbub-finish",
    apply: "build",
    enforce: "post",
    async writeBundle(options) {
      const folder = options.dir;
      if (folder === undefined) throw new Error("the build has no folder");
      await nameShell(
        folder,
        (await filesIn(folder)).filter((name) => SHELL.test(name)),
      );
      for (const name of await filesIn(folder)) {
        if (TEXT.test(name)) await compress(join(folder, name));
      }
    },
  };
}

async function filesIn(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = found.filter((entry) => entry.isFile());
  return files.map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1)).sort();
}

/** Puts the names into the worker, and a version that changes with what is in any of them. */
async function nameShell(folder: string, names: string[]): Promise<void> {
  const worker = join(folder, WORKER);
  const hash = createHash("sha256");
  const contents = await Promise.all(names.map((name) => readFile(join(folder, name))));
  const code = await readFile(worker, "utf8");
  for (const part of [code, ...contents]) hash.update(part);
  const version = hash.digest("hex").slice(0, 12);
  const named = code
    .replace("__SHELL__", JSON.stringify(names))
    .replace("__VERSION__", `"${version}"`);
  if (/__SHELL__|__VERSION__/.test(named)) throw new Error("the worker names its files twice");
  await writeFile(worker, named);
}

async function compress(path: string): Promise<void> {
  const plain = await readFile(path);
  if (plain.length < LEAST_BYTES) return;
  const best = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } };
  const forms = {
    ".br": await promisify(brotliCompress)(plain, best),
    ".gz": await promisify(gzip)(plain, { level: 9 }),
  };
  for (const [suffix, bytes] of Object.entries(forms)) {
    if (bytes.length < plain.length) await writeFile(path + suffix, bytes);
  }
}
