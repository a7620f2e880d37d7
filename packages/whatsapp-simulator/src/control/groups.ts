import { Hono } from "hono";
import type { Simulator } from "../api.ts";
import { body } from "./body.ts";
import { changeParticipants, createGroup, patchGroup } from "./schemas.ts";

/** Groups of the control API. A change of a group happens on the phone in the path. */
export function groupRoutes(simulator: Simulator): Hono {
  const app = new Hono();
  app.get("/groups", (c) => c.json(simulator.groups()));
  app.get("/groups/:id", (c) => c.json(simulator.group(c.req.param("id"))));
  app.post("/phones/:number/groups", async (c) =>
    c.json(simulator.createGroup(c.req.param("number"), await body(c, createGroup)), 201),
  );
  app.patch("/phones/:number/groups/:id", async (c) => {
    const { number, id } = c.req.param();
    return c.json(simulator.updateGroup(number, id, await body(c, patchGroup)));
  });
  app.post("/phones/:number/groups/:id/participants", async (c) => {
    const { number, id } = c.req.param();
    return c.json({ results: simulator.changeParticipants(number, id, await body(c, changeParticipants)) });
  });
  app.delete("/phones/:number/groups/:id", (c) => {
    const { number, id } = c.req.param();
    simulator.leaveGroup(number, id);
    return c.body(null, 204);
  });
  return app;
}
