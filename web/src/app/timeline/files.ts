import type { Api } from "../../core/api";
import type { FileInfo } from "../../core/types";

/** Whether it is shown as a picture. */
export function isPicture(file: FileInfo): boolean {
  return file.type.startsWith("image/") && Boolean(file.width && file.height);
}

export function fileAddress(api: Api, file: FileInfo): string {
  return api.address(`/files/${file.id}/${encodeURIComponent(file.name) || "file"}`);
}

export function previewAddress(api: Api, file: FileInfo): string {
  return api.address(`/files/${file.id}/preview`);
}
