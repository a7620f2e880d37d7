import { AppError, type MediaDownload, ProxySetting, type QueuedSessionJob, sealedFor } from "@sandi/contracts";
import type { Unsealer } from "@sandi/crypto";
import type { Logger } from "pino";
import type { Services } from "../services.ts";
import type { NodeAtRest } from "@sandi/crypto/node";
import { sealProxy } from "../store/sealed-proxy.ts";
import { isFor } from "./purpose.ts";
import type { DesiredStateChange } from "../store/sessions.ts";

interface Options {
  unseal: Unsealer;
  atRest: (sessionId: string) => NodeAtRest;
  services: Pick<Services, "now">;
  logger: Logger;
}

/**
 * Turns a session job into what the session's row stores: the proxy is opened, and sealed again for the row. Rejects when
 * it does not open. A proxy that is sealed for another session fails a start, and is ignored in any other job.
 */
export function createSessionJobParser({ unseal, atRest, services, logger }: Options) {
  return async (
    { proxy, ...queued }: QueuedSessionJob,
    mediaDownload: MediaDownload | undefined,
  ): Promise<DesiredStateChange> => {
    const job = { ...queued, mediaDownload };
    if (proxy === undefined || proxy === null) return { ...job, sealedProxy: proxy };
    const { value, purpose } = await unseal(proxy);
    const { sessionId, workspaceId, desired } = job;
    if (!isFor(purpose, sealedFor.proxy(sessionId, workspaceId), services.now())) {
      logger.error({ sessionId }, "the sealed proxy belongs to another session: set the proxy again");
      if (desired !== "running") return { ...job, sealedProxy: undefined };
      throw new AppError("invalid-request", { detail: "The proxy is not sealed for this session." });
    }
    const { url } = ProxySetting.parse(value);
    return { ...job, sealedProxy: sealProxy(atRest(job.sessionId), job.sessionId, url) };
  };
}
