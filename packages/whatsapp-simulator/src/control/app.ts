import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import type { Simulator } from "../api.ts";
import { body, json } from "./body.ts";
import { streamEvents } from "./events.ts";
import { isLoopbackHost, isOwnOrigin } from "./guard.ts";
import { pageFiles, pageHeaders, readPage } from "./page.ts";
import { problem, problemOf } from "./problems.ts";
import { groupRoutes } from "./groups.ts";
import { messageRoutes } from "./messages.ts";
import { createPhone, openLink, parseFault, patchPhone, scanQr, typeCode } from "./schemas.ts";

/** The control API and the page, for people and tests on this machine. */
export function makeControl(simulator: Simulator) {
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.use(async (c, next) => {
    // Other web pages must not reach the phones: neither through a host name that points here, nor from another origin.
    if (!isLoopbackHost(c.req.header("host"))) return problem(c, "forbidden_host", "the Host header must be loopback");
    if (c.req.method !== "GET" && c.req.method !== "HEAD" && !isOwnOrigin(c)) {
      return problem(c, "forbidden_host", "requests from other origins are refused");
    }
    c.header("x-content-type-options", "nosniff");
    c.header("referrer-policy", "no-referrer");
    await next();
    return undefined;
  });
  app.onError((error, c) =>
    error instanceof HTTPException ? problem(c, "invalid_request", error.message) : problemOf(c, error),
  );
  app.notFound((c) => problem(c, "not_found"));

  for (const { path, type, url } of pageFiles) {
    app.get(path, async (c) => c.body(await readPage(url), 200, pageHeaders(type)));
  }

  app.get("/health", (c) => {
    const { url: wsUrl, rootKey, media } = simulator;
    return c.json({ status: "ok", wsUrl, rootKey, mediaHosts: media.hosts, mediaCertificate: media.certificate });
  });
  app.get("/stats", (c) => c.json(simulator.stats()));
  app.get("/phones", (c) => c.json(simulator.phones()));
  app.post("/phones", async (c) => c.json(simulator.createPhone(await body(c, createPhone)), 201));
  app.get("/phones/:number", (c) => c.json(simulator.phone(c.req.param("number"))));
  app.patch("/phones/:number", async (c) =>
    c.json(simulator.updatePhone(c.req.param("number"), await body(c, patchPhone))),
  );
  app.route("/", messageRoutes(simulator));
  app.post("/phones/:number/open-link", async (c) => {
    const { link } = await body(c, openLink);
    return c.json(await simulator.openLink(c.req.param("number"), link), 201);
  });
  app.post("/phones/:number/scan", async (c) => {
    const { qr } = await body(c, scanQr);
    return c.json(await simulator.scan(c.req.param("number"), qr), 201);
  });
  app.post("/phones/:number/pairing-code", async (c) => {
    const { code } = await body(c, typeCode);
    return c.json(await simulator.enterPairingCode(c.req.param("number"), code), 201);
  });
  app.delete("/phones/:number/devices/:id", (c) => {
    simulator.unlink(c.req.param("number"), Number(c.req.param("id")));
    return c.body(null, 204);
  });
  app.route("/", groupRoutes(simulator));
  app.get("/faults", (c) => c.json(simulator.faults()));
  app.post("/faults", async (c) => c.json(simulator.setFault(parseFault(await json(c))), 201));
  app.delete("/faults", (c) => {
    simulator.clearFaults();
    return c.body(null, 204);
  });
  app.delete("/faults/:id", (c) => {
    simulator.clearFaults(c.req.param("id"));
    return c.body(null, 204);
  });
  app.get("/events", (c) => {
    streamEvents(c.env.outgoing, simulator);
    return RESPONSE_ALREADY_SENT;
  });
  return app;
}
