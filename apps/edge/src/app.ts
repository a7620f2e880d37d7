import { OpenAPIHono } from "@hono/zod-openapi";
import { features } from "./features.ts";
import type { AppEnv } from "./http/app-env.ts";
import { onError } from "./http/problems.ts";
import { splitRouter } from "./http/router.ts";
import { unmatched } from "./http/routing.ts";
import { secured } from "./http/security.ts";
import { traced } from "./http/tracing.ts";
import { docs } from "./pages/docs.ts";
import { health } from "./pages/health.ts";
import { landing } from "./pages/landing.ts";
import { explained, problemPages } from "./pages/problems.ts";
import { showsNewEvents } from "./webhooks/new-events.ts";

/** All of the edge's HTTP: `app.fetch(request, { services })`. */
export function createApp() {
  const app = new OpenAPIHono<AppEnv>({ strict: false, router: splitRouter() });
  app.use(secured, traced, explained, showsNewEvents);
  app.onError(onError);
  for (const { tag, notFound = "not-found", operations = [], routes } of features) {
    for (const operation of operations) operation.addTo(app, { tag: tag?.name ?? "", notFound });
    if (routes) app.route("/", routes);
  }
  app.route("/", landing).route("/", health).route("/", problemPages).route("/", docs(app, features));
  app.notFound(unmatched(app.routes));
  return app;
}
