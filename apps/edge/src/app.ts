import { OpenAPIHono } from "@hono/zod-openapi";
import { analytics } from "./analytics/routes.ts";
import { accessRules } from "./access-rules/routes.ts";
import { alertDeliveries } from "./alerts/deliver-route.ts";
import { incidents } from "./alerts/incident-routes.ts";
import { alerts } from "./alerts/routes.ts";
import { audit } from "./audit/routes.ts";
import { destinations } from "./destinations/routes.ts";
import { events } from "./events/routes.ts";
import { hooks } from "./hooks/routes.ts";
import type { AppEnv } from "./http/app-env.ts";
import { onError } from "./http/problems.ts";
import { unmatched } from "./http/routing.ts";
import { secured } from "./http/security.ts";
import { traced } from "./http/tracing.ts";
import { onInvalid } from "./http/validation.ts";
import { keys } from "./keys/routes.ts";
import { messages } from "./messages/routes.ts";
import { docs } from "./pages/docs.ts";
import { health } from "./pages/health.ts";
import { landing } from "./pages/landing.ts";
import { explained, problemPages } from "./pages/problems.ts";
import { pools } from "./pools/routes.ts";
import { reachability } from "./reachability/routes.ts";
import { sessionHistory } from "./sessions/history-routes.ts";
import { qrPage } from "./sessions/qr-page.ts";
import { sessionProxies } from "./sessions/proxy-routes.ts";
import { sessions } from "./sessions/routes.ts";
import { sessionLifecycle } from "./sessions/lifecycle-routes.ts";
import { templates } from "./templates/routes.ts";
import { checks } from "./verifications/check-routes.ts";
import { verifications } from "./verifications/routes.ts";
import { workspaces } from "./workspaces/routes.ts";

/** All of the edge's HTTP: `app.fetch(request, { services })`. */
export function createApp() {
  const app = new OpenAPIHono<AppEnv>({ defaultHook: onInvalid, strict: false });
  app.use(secured, traced, explained);
  app.onError(onError);
  app.route("/", verifications).route("/", checks).route("/", reachability).route("/", hooks);
  app.route("/", messages).route("/", templates).route("/", analytics).route("/", pools).route("/", sessions);
  app.route("/", sessionLifecycle).route("/", sessionHistory).route("/", sessionProxies).route("/", qrPage);
  app.route("/", keys).route("/", workspaces).route("/", audit).route("/", accessRules).route("/", destinations);
  app.route("/", alerts).route("/", incidents);
  app.route("/", events).route("/", alertDeliveries);
  app.route("/", landing).route("/", health).route("/", problemPages).route("/", docs(app));
  app.notFound(unmatched(app.routes));
  return app;
}
