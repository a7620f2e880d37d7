import { AppError, type CreatedApiKey } from "@sandi/contracts";
import { type Accepted, type Earlier, keepResponse, type Repetition, replay } from "../http/idempotency.ts";
import type { Services } from "../services.ts";
import { type ApiKeyRow, findApiKey, toApiKey } from "./repository.ts";

interface Made {
  row: ApiKeyRow;
  secret: string;
  repetition: Repetition | undefined;
}

/** Answers a new key, this once; what is kept for replays is without it. */
export function answerKey(
  services: Services,
  workspaceId: string,
  { row, secret, repetition }: Made,
): Accepted<CreatedApiKey> {
  const shown = toApiKey(row);
  keepResponse(services, workspaceId, { repetition, response: { ...shown, key: null } });
  return { resource: { ...shown, key: secret }, replayed: false };
}

export function replayKey(
  services: Services,
  workspaceId: string,
  { earlier, repetition }: { earlier: Earlier; repetition: Repetition | undefined },
): Promise<Accepted<CreatedApiKey>> {
  const render = async (made: string): Promise<CreatedApiKey> => {
    const row = await findApiKey(services.db, workspaceId, made);
    if (!row) throw new AppError("key-not-found");
    return { ...toApiKey(row), key: null };
  };
  return replay(services, workspaceId, { earlier, repetition, render });
}
