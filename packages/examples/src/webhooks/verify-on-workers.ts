const bytes = (text: string) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

/** Whether Sandi sent a request, in the last five minutes. `body` is what `await request.text()` gave. */
export async function isFromSandi(headers: Headers, body: string, secret: string): Promise<boolean> {
  const id = headers.get("webhook-id") ?? "";
  const timestamp = headers.get("webhook-timestamp") ?? "";
  const ageSeconds = Math.abs(Date.now() / 1000 - Number(timestamp));
  if (!/^\d+$/.test(timestamp) || ageSeconds > 300) return false;
  const secretBytes = bytes(secret.replace("whsec_", ""));
  const key = await crypto.subtle.importKey("raw", secretBytes, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
  const content = new TextEncoder().encode(`${id}.${timestamp}.${body}`);
  for (const each of (headers.get("webhook-signature") ?? "").split(" ")) {
    const given = /^v1,([A-Za-z0-9+/]{43}=)$/.exec(each)?.[1];
    if (given !== undefined && (await crypto.subtle.verify("HMAC", key, bytes(given), content))) return true;
  }
  return false;
}
