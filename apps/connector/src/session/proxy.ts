import type { Logger } from "pino";
import type { CloseKind } from "../close-reasons.ts";
import type { Tunnel, Tunnels } from "../proxy/tunnel.ts";
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
  onAppended(): void;
  unsaved: (error: unknown) => void;
}

/** A session's proxy. Its health is reported to the edge. A session that waits for its proxy reconnects when it works. */
export function createSessionProxy(fence: Fence, options: Options): ProxyWatch {
  const { services, store, tunnels, logger, url, session, unsaved } = options;

  async function report(isHealthy: boolean): Promise<void> {
    const [id, at] = [services.newId("evt"), services.now().toISOString()];
    const event = { id, at, type: "session.proxy", sessionId: fence.sessionId, isHealthy } as const;
    await writeFenced(store, fence, [appendStatement(fence, event)]).catch((error: unknown) => {
      unsaved(error);
      throw error;
    });
    logger.info({ isHealthy }, isHealthy ? "the session's proxy works" : "the session's proxy fails");
    options.onAppended();
    if (isHealthy && session().machine.reason === "proxy_unreachable") session().post({ type: "retryDue" });
  }

  return createProxyWatch({
    services,
    tunnels,
    url,
    isInUse: () => !["stopped", "ended"].includes(session().machine.state),
    onChange: report,
  });
}

/** Closes that a failing proxy can cause. */
const possibleProxyFailures: ReadonlySet<CloseKind> = new Set(["connection_lost", "timed_out", "server_error"]);

/** Why a socket behind a proxy closed: `proxy_unreachable` when the proxy is the cause, else the kind as it is. */
export async function proxyOrKind(
  kind: CloseKind,
  tunnel: Tunnel,
  proxy: Pick<ProxyWatch, "observed" | "check">,
): Promise<CloseKind> {
  if (!tunnel.isConnected()) {
    proxy.observed(false);
    return "proxy_unreachable";
  }
  return possibleProxyFailures.has(kind) && !(await proxy.check()) ? "proxy_unreachable" : kind;
}
