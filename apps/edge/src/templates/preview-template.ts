import {
  AppError,
  type PreviewTemplate,
  type TemplatePreview,
  type TemplateWarning,
  templateWarnings,
} from "@sandi/contracts";
import type { Context } from "../context.ts";
import { builtIn } from "./built-in.ts";
import { localeOf } from "./locales.ts";
import { fillIn, render } from "./render.ts";
import { findTemplate } from "./repository.ts";
import { localesOf } from "./text-for.ts";

const longText = 300;

/** The text as it is sent, with warnings. */
export async function previewTemplate(ctx: Context, body: PreviewTemplate): Promise<TemplatePreview> {
  const { actor } = ctx;
  const { db } = ctx.services;
  const template = body.templateId === undefined ? body : await findTemplate(db, actor.workspaceId, body.templateId);
  if (!template) {
    const errors = [{ pointer: "/templateId", message: "is not a template of this workspace" }];
    throw new AppError("template-not-found", { errors });
  }
  const { texts } = template;
  const { policy } = actor;
  const selection = { requested: body.locale, policyLocale: policy.locale, country: "" };
  const locale = localeOf({ ...selection, available: texts && localesOf({ texts }) });
  const source = texts?.[locale] ?? builtIn[locale].text;
  const { text: rendered, notes } = render({
    text: source,
    locale,
    companyName: body.companyName ?? policy.companyName ?? actor.workspaceName,
    purpose: body.purpose,
    bind: body.bind,
  });
  const text = fillIn(rendered, { code: "123456", minutes: Math.floor(policy.expiresInSeconds / 60) });
  const warnings: TemplateWarning[] = [
    ...(localeOf(selection) === locale ? [] : (["locale-missing"] as const)),
    ...(source.includes("{{company}}") ? [] : (["company-missing"] as const)),
    ...(source.includes("{{minutes}}") ? [] : (["minutes-missing"] as const)),
    ...notes,
    ...(text.length > longText ? (["long"] as const) : []),
  ];
  return { text, locale, warnings: warnings.map((code) => ({ code, message: templateWarnings[code] })) };
}
