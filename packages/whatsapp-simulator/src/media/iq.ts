import type { Question } from "../server/iq/question.ts";
import { node } from "../wire/nodes.ts";
import { mediaAuth } from "./server.ts";

/** `w:m`: the host that takes uploads and answers downloads. */
export function answerMedia({ world, reply }: Question): void {
  reply([
    node("media_conn", { auth: mediaAuth, ttl: 3600, auth_ttl: 3600, max_buckets: 12 }, [
      node("host", { hostname: world.host }),
    ]),
  ]);
}
