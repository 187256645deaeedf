/** Bring a file to the server, and hear how far it is: `fetch` does not tell. */

import type { Api } from "./api";
import { Problem, problemFrom, unreachable } from "./problem";
import type { FileInfo } from "./types";

export interface Bringing {
  /** Called with bytes that have gone. */
  progress(bytes: number): void;
  signal: AbortSignal;
}

export type Bring = (file: File, how: Bringing) => Promise<FileInfo>;

/** Throws `Problem`. */
export function bringBy(api: Api): Bring {
  return (file, { progress, signal }) =>
    new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("POST", api.address("/files", { name: file.name }));
      request.setRequestHeader("Accept", "application/json");
      request.setRequestHeader("Content-Type", "application/octet-stream");
      request.upload.addEventListener("progress", (event) => progress(event.loaded));
      request.addEventListener("load", () => {
        if (request.status === 201) resolve(JSON.parse(request.responseText) as FileInfo);
        else reject(problemOf(request));
      });
      for (const end of ["error", "abort", "timeout"] as const) {
        request.addEventListener(end, () => reject(unreachable()));
      }
      signal.addEventListener("abort", () => request.abort());
      request.send(file);
    });
}

function problemOf(request: XMLHttpRequest): Problem {
  const { status, statusText, responseText } = request;
  return problemFrom(status, statusText, request.getResponseHeader("Retry-After"), responseText);
}
