import { expect, onTestFinished, test } from "vitest";
import { until } from "./support/fake-edge.ts";
import { newId, sendJob, startRig } from "./support/rig.ts";

const user = "+6281300000001";

test("a connector that shuts down accepts no new job, and ends when the running job has its outcome", async () => {
  const leaving = Promise.withResolvers<void>();
  let sends = 0;
  const rig = await startRig({
    environment: { DRAIN_SECONDS: "300" },
    around: (open) => (options) => {
      const socket = open(options);
      return {
        ...socket,
        async send(...message) {
          if (sends++ === 0) await leaving.promise;
          return socket.send(...message);
        },
      };
    },
  });
  onTestFinished(() => {
    leaving.resolve();
    return rig.close();
  });
  rig.simulator.createPhone({ number: user });
  const sessionId = await rig.pair("+6281200000001");
  const [first, second] = [newId("msg"), newId("msg")];
  for (const [id, code] of [
    [first, "121212"],
    [second, "343434"],
  ] as const) {
    await rig.edge.accept(id, { to: user, code });
  }
  const sending = rig.edge.deliver("/jobs/send", sendJob(first, sessionId));
  await until("it is about to leave", () => sends === 1);
  let isClosed = false;
  const closing = rig.stop().then(() => (isClosed = true));

  const refused = await rig.edge.deliver("/jobs/send", sendJob(second, sessionId));
  expect(refused.status).toBe(503);
  expect(await refused.json()).toMatchObject({ detail: "The connector is shutting down." });
  expect(refused.headers.get("retry-after")).toBe("2");
  expect(isClosed).toBe(false);
  leaving.resolve();
  expect((await sending).status).toBe(200);
  await closing;
  expect(rig.edge.claims.flatMap(({ claims }) => claims.map(({ messageId }) => messageId))).toEqual([first]);
  expect(rig.edge.typesOf(first)).toContain("message.sent");
});
