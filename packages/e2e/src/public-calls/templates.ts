import type { Call } from "./call.ts";

const text = "{{company}}\n\n{{code}}\n\n{{minutes}} min";

export function templateCalls(): Call[] {
  let template = "";

  return [
    {
      route: "POST /v1/templates",
      body: { name: "Plain", texts: { en: text } },
      asks: "redis libsql",
      budget: [10, 1700, 19, 11],
      keep: ({ id }: { id: string }) => (template = id),
    },
    { route: "GET /v1/templates", asks: "redis libsql", budget: [1, 100, 8, 0] },
    { route: "GET /v1/templates/built-in", asks: "redis" },
    { route: "POST /v1/templates/preview", body: { texts: { en: text }, locale: "en" }, asks: "redis" },
    {
      route: "GET /v1/templates/{id}",
      path: () => `/v1/templates/${template}`,
      asks: "redis libsql",
      budget: [1, 100, 7, 0],
    },
    {
      route: "PUT /v1/templates/{id}",
      path: () => `/v1/templates/${template}`,
      body: { name: "Plain", texts: { en: `${text}.` } },
      asks: "redis libsql",
      budget: [9, 1400, 19, 10],
    },
    {
      route: "DELETE /v1/templates/{id}",
      path: () => `/v1/templates/${template}`,
      asks: "redis libsql",
      budget: [8, 1000, 16, 8],
    },
  ];
}
