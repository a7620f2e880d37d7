import { type Services, sleep } from "./services.ts";
import type { Store } from "./store/store.ts";

const timeoutMs = 2_000;
/** Anybody may call `/readyz`. The database is asked at most once in this time. */
const cachedMs = 500;

/** What is wrong with the database; empty when it works. */
export function createReadiness(store: Pick<Store, "client" | "hasSpace">, services: Pick<Services, "now" | "after">) {
  let known: { at: number; answer: Promise<boolean | undefined> } | undefined;

  const ask = (): Promise<boolean | undefined> => {
    const asked = store.client.execute("SELECT 1").then(() => store.hasSpace());
    return Promise.race([asked, sleep(services, timeoutMs).then(() => undefined)]).catch(() => undefined);
  };

  return async (): Promise<string[]> => {
    const at = services.now().getTime();
    if (!known || Math.abs(at - known.at) >= cachedMs) known = { at, answer: ask() };
    const answer = await known.answer;
    if (answer === undefined) return ["the database does not answer"];
    return answer ? [] : ["the database has no room"];
  };
}
