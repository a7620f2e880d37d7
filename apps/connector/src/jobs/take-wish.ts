import { ProxySetting, type QueuedSessionJob } from "@sandi/contracts";
import type { Unsealer } from "@sandi/crypto";
import type { NodeAtRest } from "../store/at-rest.ts";
import { sealProxy } from "../store/sealed-proxy.ts";
import type { Wish } from "../store/sessions.ts";

interface Options {
  unseal: Unsealer;
  atRest: (sessionId: string) => NodeAtRest;
}

/** A session's job as its row takes it: the proxy is opened, and sealed again at rest. Rejects when it does not open. */
export function createWishTaker({ unseal, atRest }: Options) {
  return async ({ proxy, ...job }: QueuedSessionJob): Promise<Wish> => {
    if (proxy === undefined || proxy === null) return { ...job, sealedProxy: proxy };
    const { url } = ProxySetting.parse(await unseal(proxy));
    return { ...job, sealedProxy: sealProxy(atRest(job.sessionId), job.sessionId, url) };
  };
}
