import { base64url, fromBase64url, type Random, utf8 } from "./bytes.ts";
import { verifyHmac } from "./macs.ts";

/** The signed parts of a message: `<id>.<timestamp>.<body>`. */
interface SignInput {
  /** `whsec_<base64>`, or Supabase's form `v1,whsec_<base64>`. There are several while a secret is rotated. */
  secrets: readonly string[];
  id: string;
  /** Seconds since 1970. */
  timestamp: number;
  /** Exactly as it is sent. */
  body: string;
}

interface VerifyInput {
  secrets: readonly string[];
  headers: Pick<Headers, "get">;
  body: string;
  now: Date;
  toleranceSeconds?: number;
}

/** Further signatures in a header are ignored, because a header may be long. */
const mostSignatures = 10;
const secretForm = /^(?:v1,)?whsec_([A-Za-z0-9+/]+={0,2})$/;

/** Signs as Standard Webhooks does; returns the header `webhook-signature` with one `v1,<base64>` for each secret. */
export async function signWebhook({ secrets, id, timestamp, body }: SignInput): Promise<string> {
  const message = contentOf(id, String(timestamp), body);
  const signatures = await Promise.all(
    secrets.map(async (secret) => `v1,${base64(new Uint8Array(await sign(webhookKey(secret), message)))}`),
  );
  return signatures.join(" ");
}

/** True when one of the secrets signed this body recently. A wrong or missing header returns false and never throws. */
export async function verifyWebhook(input: VerifyInput): Promise<boolean> {
  const { secrets, headers, body, now, toleranceSeconds = 300 } = input;
  const id = headers.get("webhook-id") ?? "";
  const timestamp = headers.get("webhook-timestamp") ?? "";
  if (id === "" || !/^[0-9]{1,12}$/.test(timestamp)) return false;
  if (Math.abs(now.getTime() / 1000 - Number(timestamp)) > toleranceSeconds) return false;
  const message = contentOf(id, timestamp, body);
  const signatures = signaturesIn(headers.get("webhook-signature") ?? "");
  let isSigned = false;
  for (const secret of secrets) {
    const key = webhookKey(secret);
    for (const signature of signatures) {
      if (await verifyHmac(key, message, signature)) isSigned = true;
    }
  }
  return isSigned;
}

/** A new secret of 32 bytes. */
export const generateWebhookSecret = (random: Random): string => `whsec_${base64(random(32))}`;

/** The bytes of a secret; throws a `SyntaxError` for any other text. */
export function webhookKey(secret: string): Uint8Array<ArrayBuffer> {
  const encoded = secretForm.exec(secret)?.[1];
  if (encoded === undefined) throw new SyntaxError("not a webhook secret");
  return fromBase64(encoded);
}

/** Separated by spaces; Supabase puts a comma before each space. */
function signaturesIn(header: string): Uint8Array<ArrayBuffer>[] {
  return header
    .split(" ")
    .slice(0, mostSignatures)
    .flatMap((each) => {
      const encoded = /^v1,([A-Za-z0-9+/]{43}=),?$/.exec(each)?.[1];
      return encoded === undefined ? [] : [fromBase64(encoded)];
    });
}

const contentOf = (id: string, timestamp: string, body: string) => utf8(`${id}.${timestamp}.${body}`);

async function sign(key: Uint8Array<ArrayBuffer>, message: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return crypto.subtle.sign("HMAC", imported, message);
}

function base64(bytes: Uint8Array): string {
  const text = base64url(bytes).replaceAll("-", "+").replaceAll("_", "/");
  return text.padEnd(Math.ceil(text.length / 4) * 4, "=");
}

const fromBase64 = (text: string) => fromBase64url(text.replaceAll("+", "-").replaceAll("/", "_"));
