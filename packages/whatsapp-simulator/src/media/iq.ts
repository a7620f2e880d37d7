import type { Question } from "../server/iq/question.ts";
import { node } from "../wire/nodes.ts";

/** `w:m`: the hosts that take uploads and answer downloads, and the token for uploads. */
export function answerMedia({ world: { media }, reply }: Question): void {
  const hosts = media.hosts.map((hostname) => node("host", { hostname }));
  reply([node("media_conn", { auth: media.auth, ttl: 3600, auth_ttl: 3600, max_buckets: 12 }, hosts)]);
}
