import { Hono } from "hono";
import type { Simulator } from "../api.ts";

/** The control API. */
export function makeControl(simulator: Simulator): Hono {
  const app = new Hono();
  app.get("/health", (c) => c.json({ status: "ok", wsUrl: simulator.url, rootKey: simulator.rootKey }));
  return app;
}
