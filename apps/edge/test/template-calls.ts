import type { Template, TemplatePreview } from "@sandi/contracts";
import type { Edge } from "./harness.ts";

export const en = "{{company}} login\n*{{code}}*\nGood for {{minutes}} min.";
export const input = (more: object = {}) => ({ name: "Login", purpose: "login", texts: { en }, ...more });
export const unknown = "tpl_01jd3k9v7hq2w8x5n4b6m0c1ta";

export const templateCalls = (edge: () => Edge) => ({
  create: (more: object = {}, options = {}) => edge().api<Template>("POST /v1/templates", input(more), options),
  preview: (body: object) => edge().api<TemplatePreview>("POST /v1/templates/preview", body),
});
