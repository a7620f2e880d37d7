import type { CreatedWebhook } from "@sandi/contracts";
import { readJson, writeSecretJson } from "./files.ts";
import { call, type Local } from "./local.ts";

/** A webhook that the launcher has made. */
export interface LocalWebhook {
  id: string;
  url: string;
  secret: string;
}

/** Makes a webhook for all events at this address, once: later starts answer the same. `file` keeps its secret. */
export async function webhookAt(local: Local, file: string, url: string): Promise<LocalWebhook> {
  const known = (await readJson<LocalWebhook[]>(file)) ?? [];
  const found = known.find((each) => each.url === url);
  if (found && (await isThere(local, found.id))) return found;
  const input = { url, events: ["*"], description: "npm start" };
  const { id, secret } = await call<CreatedWebhook>(local, "POST /v1/webhooks", input);
  const made = { id, url, secret: secret ?? "" };
  await writeSecretJson(file, [...known.filter((each) => each !== found), made]);
  return made;
}

const isThere = (local: Local, id: string): Promise<boolean> =>
  call(local, `GET /v1/webhooks/${id}`).then(
    () => true,
    () => false,
  );
