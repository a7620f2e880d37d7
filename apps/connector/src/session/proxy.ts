import type { Logger } from "pino";
import type { Tunnels } from "../proxy/tunnel.ts";
import { createProxyWatch, type ProxyWatch } from "../proxy/watch.ts";
import type { Services } from "../services.ts";
import { appendStatement } from "../store/outbox.ts";
import { type Fence, writeFenced } from "../store/fence.ts";
import type { Store } from "../store/store.ts";
import type { Session } from "./session.ts";

interface Options {
  services: Services;
  store: Store;
  tunnels: Tunnels;
  logger: Logger;
  url: string | null;
  session: () => Session;
  onNews(): void;
  unsaved: (error: unknown) => void;
}

/** The proxy of a session, whose health is told to the edge; a session that waits for it goes on when it is back. */
export function createSessionProxy(fence: Fence, options: Options): ProxyWatch {
  const { services, store, tunnels, logger, url, session, unsaved } = options;

  async function tell(isHealthy: boolean): Promise<void> {
    const [id, at] = [services.newId("evt"), services.now().toISOString()];
    const event = { id, at, type: "session.proxy", sessionId: fence.sessionId, isHealthy } as const;
    await writeFenced(store, fence, [appendStatement(fence, event)]).catch((error: unknown) => {
      unsaved(error);
      throw error;
    });
    logger.info({ isHealthy }, isHealthy ? "the session's proxy lets it through" : "the session's proxy fails");
    options.onNews();
    if (isHealthy && session().machine.reason === "proxy_unreachable") session().post({ type: "retryDue" });
  }

  return createProxyWatch({
    services,
    tunnels,
    url,
    isWanted: () => !["stopped", "ended"].includes(session().machine.state),
    onChange: tell,
  });
}
