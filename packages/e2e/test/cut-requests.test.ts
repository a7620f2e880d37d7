import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestEdge, type TestEdge } from "../src/edge.ts";

let edge: TestEdge;
/** Called when the Worker asks the database. The database answers afterwards. */
let onDatabase: () => Promise<void> | undefined = () => undefined;

beforeAll(async () => {
  edge = await startTestEdge({
    onSubrequest: (dependency) => (dependency === "libsql" ? onDatabase() : undefined),
  });
});
afterAll(() => edge.stop());

const get = (signal?: AbortSignal) =>
  fetch(`${edge.url}/v1/sessions`, {
    headers: { authorization: `Bearer ${edge.apiKey}` },
    ...(signal ? { signal } : {}),
  });

it("a request whose caller hangs up while the database works disturbs no other request", async () => {
  for (let round = 0; round < 40; round++) {
    const caller = new AbortController();
    const asked = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    onDatabase = () => {
      asked.resolve();
      return released.promise;
    };
    const cut = get(caller.signal).catch((error: unknown) => (error as Error).name);
    await asked.promise;
    onDatabase = () => undefined;
    const beside = get();
    caller.abort();
    expect(await cut).toBe("AbortError");
    expect((await beside).status).toBe(200);
    released.resolve();
    expect((await get()).status).toBe(200);
  }
});
