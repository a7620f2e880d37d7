import { type Services, sleep } from "./services.ts";
import type { Store } from "./store/store.ts";

const patienceMs = 2_000;
/** Anybody may ask how the connector is; the database is asked no more often than that. */
const knownMs = 500;

/** What is wrong with the database, or nothing. */
export function createReadiness(store: Pick<Store, "client" | "hasRoom">, services: Pick<Services, "now" | "after">) {
  let known: { at: number; answer: Promise<boolean | undefined> } | undefined;

  const ask = (): Promise<boolean | undefined> => {
    const asked = store.client.execute("SELECT 1").then(() => store.hasRoom());
    return Promise.race([asked, sleep(services, patienceMs).then(() => undefined)]).catch(() => undefined);
  };

  return async (): Promise<string[]> => {
    const at = services.now().getTime();
    if (!known || Math.abs(at - known.at) >= knownMs) known = { at, answer: ask() };
    const answer = await known.answer;
    if (answer === undefined) return ["the database does not answer"];
    return answer ? [] : ["the database has no room"];
  };
}
