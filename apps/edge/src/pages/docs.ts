import { OpenApiGeneratorV31 } from "@asteasolutions/zod-to-openapi";
import type { OpenAPIHono } from "@hono/zod-openapi";
import * as contracts from "@sandi/contracts";
import { Hono } from "hono";
import { html, raw } from "hono/html";
import { base64url } from "@sandi/crypto";
import { z } from "zod";
import type { Feature } from "../feature.ts";
import type { AppEnv } from "../http/app-env.ts";
import { completed } from "../http/document.ts";
import { describeWebhooks } from "./event-webhooks.ts";
import { version } from "./landing.ts";

const description = `Sandi verifies phone numbers and sends messages over WhatsApp.

Every request needs a key: \`Authorization: Bearer sandi_live_…\` (or \`sandi_test_…\`, for the sandbox). Every error is an [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem with a \`code\` that you can rely on, and a page that explains it.

A check answers 200 only for the right code, and only once. Every route that changes something takes an \`Idempotency-Key\`: repeat the request with the same key and nothing happens twice. With a W3C \`traceparent\`, your trace also has the later steps of your message.`;

const configuration = {
  url: "/openapi.json",
  theme: "default",
  withDefaultFonts: false,
  telemetry: false,
  hideClientButton: true,
  showDeveloperTools: "never",
  agent: { disabled: true },
  mcp: { disabled: true },
  defaultHttpClient: { targetKey: "shell", clientKey: "curl" },
  persistAuth: false,
  authentication: { preferredSecurityScheme: "apiKey" },
};

/**
 * The reference sends its requests to the address that it was opened at. This may be another name of the server than in
 * the document, and the page's policy allows no other.
 */
const here = "servers: [{ url: location.origin }]";

/** Registered before the routes: the generator makes a schema nullable for good if its first use is nullable. */
const named = Object.values<unknown>(contracts).filter(
  (schema): schema is z.ZodType => schema instanceof z.ZodType && schema.meta()?.id !== undefined,
);

/** The OpenAPI document and the API reference, which loads nothing from other hosts. */
export function docs(api: OpenAPIHono<AppEnv>, features: readonly Feature[]) {
  api.openAPIRegistry.registerComponent("securitySchemes", "apiKey", {
    type: "http",
    scheme: "bearer",
    description:
      "A key of your workspace: `sandi_live_…`, or `sandi_test_…` for the sandbox, where nothing is sent. Operations without a sandbox refuse it with `test-keys-not-supported`.",
  });
  api.openAPIRegistry.registerComponent("securitySchemes", "operatorToken", {
    type: "http",
    scheme: "bearer",
    description: "The Worker's `BOOTSTRAP_TOKEN`, which works once.",
  });
  describeWebhooks(api);
  let document: object | undefined;
  const describe = (publicUrl: string) =>
    (document ??= completed(
      new OpenApiGeneratorV31([...named, ...api.openAPIRegistry.definitions]).generateDocument({
        openapi: "3.1.0",
        info: {
          title: "Sandi",
          version,
          description,
          contact: { name: "Sandi", url: publicUrl },
          license: { name: "MIT", url: "https://opensource.org/license/mit" },
        },
        servers: [
          {
            url: publicUrl,
            description: publicUrl.startsWith("https:") ? "Production." : "Local.",
            "x-internal": false,
          },
        ],
        security: [{ apiKey: [] }],
        tags: features.flatMap(({ tag }) => (tag?.description === undefined ? [] : [tag])),
      }),
    ));

  return new Hono<AppEnv>()
    .get("/openapi.json", (c) => c.json(describe(c.env.services.publicUrl)))
    .get("/docs", async (c) => {
      const nonce = base64url(c.env.services.random(16));
      // The reference uses style elements and attributes, so only styles may be 'unsafe-inline'.
      c.set(
        "contentSecurityPolicy",
        `default-src 'none'; script-src 'self' 'nonce-${nonce}'; style-src 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      );
      return c.html(
        await html`<!doctype html>
          <html lang="en">
            <head>
              <meta charset="utf-8" />
              <meta name="viewport" content="width=device-width, initial-scale=1" />
              <meta name="color-scheme" content="light dark" />
              <title>API reference · Sandi</title>
              <link rel="icon" href="data:," />
            </head>
            <body>
              <div id="app"></div>
              <script src="/docs/scalar.js"></script>
              <script nonce="${nonce}">
                Scalar.createApiReference("#app", {
                  ...${raw(JSON.stringify(configuration))},
                  ${raw(here)},
                });
              </script>
            </body>
          </html>`,
      );
    })
    .get("/docs/scalar.js", async (c) => {
      const { assets } = c.env.services;
      const asset = await assets?.fetch(new Request(new URL("/docs/scalar.js", c.req.url)));
      if (!asset?.ok)
        throw new contracts.AppError("not-found", { detail: "Build the assets: apps/edge/scripts/build-assets.ts." });
      return new Response(asset.body, {
        headers: { "content-type": "text/javascript; charset=utf-8", "cache-control": "public, max-age=3600" },
      });
    });
}
