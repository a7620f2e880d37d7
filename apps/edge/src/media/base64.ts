import { AppError, maxInlineBytes } from "@sandi/contracts";

/** Characters that are decoded at once: a multiple of four. */
const step = 64 * 1024;
const form = /^[A-Za-z0-9+/]*={0,2}$/;

/** Decodes base64 (RFC 4648 §4, with padding) step by step. Throws `invalid-request` for anything else, and above 5 MiB. */
export async function* fromBase64(text: string, pointer: string): AsyncGenerator<Uint8Array> {
  const refused = (message: string) => new AppError("invalid-request", { errors: [{ pointer, message }] });
  if (text.length % 4 !== 0 || !form.test(text)) throw refused("must be base64 with padding, and nothing before it");
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  if ((text.length / 4) * 3 - padding > maxInlineBytes) throw refused("must be at most 5 MiB decoded");
  for (let at = 0; at < text.length; at += step) {
    const binary = atob(text.slice(at, at + step));
    yield Uint8Array.from(binary, (char) => char.charCodeAt(0));
  }
}
