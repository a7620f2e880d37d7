import { AppError, type CreateVerification, type Locale } from "@sandi/contracts";
import type { Context } from "../context.ts";
import { templatesOf } from "./cache.ts";
import { localeOf } from "./locales.ts";
import { renderText } from "./render.ts";
import type { StoredTemplate } from "./repository.ts";

interface TextRequest {
  body: Pick<CreateVerification, "templateId" | "locale" | "companyName" | "purpose" | "bind">;
  /** The country of the number, ISO 3166-1 alpha-2, or empty. */
  country: string;
}

interface Chosen {
  /** With `codePlaceholder` and `minutesPlaceholder`, and no other variables. */
  text: string;
  locale: Locale;
  /** Empty for a built-in text. */
  templateId: string;
}

/** The text of a verification, mostly from the cache. */
export async function textFor(ctx: Context, { body, country }: TextRequest): Promise<Chosen> {
  const { actor } = ctx;
  const template = chooseTemplate(await templatesOf(ctx, body.templateId), body);
  const locale = localeOf({
    requested: body.locale,
    policyLocale: actor.policy.locale,
    country,
    available: template && localesOf(template),
  });
  const text = renderText({
    text: template?.texts[locale],
    locale,
    companyName: body.companyName ?? actor.policy.companyName ?? actor.workspaceName,
    purpose: body.purpose,
    bind: body.bind,
  });
  return { text, locale, templateId: template?.id ?? "" };
}

/** The requested template, else the default of the purpose; undefined: the built-in text. */
export function chooseTemplate(
  templates: readonly StoredTemplate[],
  { templateId, purpose }: Pick<CreateVerification, "templateId" | "purpose">,
): StoredTemplate | undefined {
  if (templateId === undefined) return templates.find((each) => each.purpose === purpose);
  const found = templates.find((each) => each.id === templateId);
  if (!found) {
    const errors = [{ pointer: "/templateId", message: "is not a template of this workspace" }];
    throw new AppError("template-not-found", { errors });
  }
  return found;
}

export const localesOf = ({ texts }: Pick<StoredTemplate, "texts">) => Object.keys(texts) as Locale[];
