import { AppError, ProxySetting, type QueuedSessionJob, sealedFor } from "@sandi/contracts";
import type { Unsealer } from "@sandi/crypto";
import type { Logger } from "pino";
import type { Services } from "../services.ts";
import type { NodeAtRest } from "@sandi/crypto/node";
import { sealProxy } from "../store/sealed-proxy.ts";
import { isFor } from "./purpose.ts";
import type { Wish } from "../store/sessions.ts";

interface Options {
  unseal: Unsealer;
  atRest: (sessionId: string) => NodeAtRest;
  services: Pick<Services, "now">;
  logger: Logger;
}

/**
 * A session's job as its row stores it: the proxy is opened and sealed again at rest. Rejects when it does not open. A proxy
 * that is sealed for another session is not taken: a start fails, and any other job leaves the session's proxy as it is.
 */
export function createSessionJobParser({ unseal, atRest, services, logger }: Options) {
  return async ({ proxy, ...job }: QueuedSessionJob): Promise<Wish> => {
    if (proxy === undefined || proxy === null) return { ...job, sealedProxy: proxy };
    const { value, purpose } = await unseal(proxy);
    const { sessionId, workspaceId, desired } = job;
    if (!isFor(purpose, sealedFor.proxy(sessionId, workspaceId), services.now())) {
      logger.error({ sessionId }, "a sealed proxy is for something else than its session: set it again");
      if (desired !== "running") return { ...job, sealedProxy: undefined };
      throw new AppError("invalid-request", { detail: "The proxy is not sealed for this session." });
    }
    const { url } = ProxySetting.parse(value);
    return { ...job, sealedProxy: sealProxy(atRest(job.sessionId), job.sessionId, url) };
  };
}
