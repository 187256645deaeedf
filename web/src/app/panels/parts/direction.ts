// Letters of scripts that are written from right to left.
const RIGHT_TO_LEFT =
  /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}\p{Script=Mandaic}\p{Script=Samaritan}]/u;

/**
 * Which way a text is written: as its first letter is. `dir="auto"` is the same, but does not look
 * into what is isolated.
 */
export function direction(text: string): "ltr" | "rtl" {
  const first = /\p{L}/u.exec(text);
  return first && RIGHT_TO_LEFT.test(first[0]) ? "rtl" : "ltr";
}
