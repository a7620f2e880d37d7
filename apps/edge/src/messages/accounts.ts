import { AppError, ReachabilityRpc } from "@sandi/contracts";
import { appendJob } from "../jobs/append-job.ts";
import { publishSoon } from "../jobs/publish-soon.ts";
import { ask } from "../sessions/connector.ts";
import { amongRoute, noOpener, noSession, pickSender, poolOf } from "../sessions/pick.ts";
import type { Sender } from "./sender.ts";

/** The WhatsApp accounts that are linked to the workspace's sessions; their connectors send. */
export const accounts: Sender = {
  isLimited: true,
  pick: ({ workspaceId, route, toHash, at }) =>
    pickSender({ workspaceId, among: amongRoute(workspaceId, route), toHash, at }),
  poolOf,
  refusalOf: (route, found, { opensChat }) => (opensChat ? noOpener : noSession)(route, found),
  codeOf: (length, draw) => draw(length),
  queue: (db, _, kind, job) => [appendJob(db, kind, job)],
  publish: publishSoon,
  settle: () => [],
  numberOf: (sessionPhone) => sessionPhone,
  async lookUp(services, candidate, phones) {
    if (!candidate?.id) throw new AppError("no-eligible-session");
    const asked = { sessionId: candidate.id, numbers: phones.map(({ e164 }) => e164) };
    return (await ask(services, ReachabilityRpc, asked)).results;
  },
};
