import { AppError, type CreatedApiKey } from "@sandi/contracts";
import type { Db } from "../db/schema.ts";
import { type Accepted, type StoredResponse, type IdempotencyKey, replay } from "../http/idempotency/create.ts";
import type { Services } from "../services.ts";
import { type ApiKeyRow } from "../auth/calling-key.ts";
import { findApiKey, selectKeys, toApiKey } from "./repository.ts";

/** For `createOnce`: the first answer has the secret key, replays do not. */
export const answering = (db: Db, workspaceId: string, secret: string) => ({
  table: "apiKey" as const,
  find: (id: string) => selectKeys(db, workspaceId).where("id", "=", id),
  present: (row: ApiKeyRow): CreatedApiKey => ({ ...toApiKey(row), key: secret }),
  presentAgain,
  gone: "key-not-found" as const,
});

const presentAgain = (row: ApiKeyRow): CreatedApiKey => ({ ...toApiKey(row), key: null });

export function replayKey(
  services: Services,
  workspaceId: string,
  { earlier, idempotencyKey }: { earlier: StoredResponse; idempotencyKey: IdempotencyKey | undefined },
): Promise<Accepted<CreatedApiKey>> {
  const render = async (made: string) => {
    const row = await findApiKey(services.db, workspaceId, made);
    if (!row) throw new AppError("key-not-found");
    return presentAgain(row);
  };
  return replay(services, workspaceId, { earlier, idempotencyKey, render });
}
