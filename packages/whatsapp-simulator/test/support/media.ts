import { createHash, randomBytes } from "node:crypto";
import type { Simulator } from "../../src/index.ts";
import type { Client } from "./client.ts";
import { linked, newWorld, trustMedia } from "./world.ts";

/** A file that is none of a known type. */
export const file = randomBytes(200_001);
export const sha256 = createHash("sha256").update(file).digest("hex");
export const data = file.toString("base64");
/** The smallest PNG. */
/** A simulator whose media hosts Baileys trusts, and a session of the sender. */
export async function newMedia(): Promise<{ simulator: Simulator; session: Client }> {
  const simulator = await newWorld();
  trustMedia(simulator);
  return { simulator, session: await linked(simulator) };
}

/** The file of a message, from the control API. */
export async function fileOf(simulator: Simulator, number: string, id: string, headers: Record<string, string> = {}) {
  const path = `/phones/${encodeURIComponent(number)}/messages/${id}/media`;
  const response = await fetch(simulator.httpUrl + path, { headers });
  return { response, bytes: Buffer.from(await response.arrayBuffer()) };
}
