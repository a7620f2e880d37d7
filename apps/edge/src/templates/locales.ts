import type { Locale } from "@sandi/contracts";

/** Countries where most people expect one of our languages. English is used in all others. */
const countries: Partial<Record<Locale, string>> = {
  id: "ID",
  ar: "AE BH DZ EG EH IQ JO KW LB LY MA MR OM PS QA SA SD SY TN YE",
  es: "AR BO CL CO CR CU DO EC ES GQ GT HN MX NI PA PE PR PY SV UY VE",
  "pt-BR": "AO BR CV GW MZ PT ST TL",
  fr: "BF BI BJ BL CD CF CG CI CM DJ FR GA GF GN GP HT KM LU MC MF MG ML MQ NC NE PF PM RE SN TD TF TG WF YT",
  hi: "IN",
  ur: "PK",
  tr: "TR",
};

const byCountry = new Map(
  Object.entries(countries).flatMap(([locale, all]) => all.split(" ").map((country) => [country, locale as Locale])),
);

const language = (locale: Locale) => locale.split("-")[0];

interface LocaleSelection {
  requested: Locale | undefined;
  policyLocale: Locale | null;
  /** ISO 3166-1 alpha-2, or empty. */
  country: string;
  /** The languages of the template; all languages if there is no template. */
  available?: readonly Locale[] | undefined;
}

/** The requested language, else the policy's, else the country's. If the template lacks it: English, else its first. */
export function localeOf({ requested, policyLocale, country, available }: LocaleSelection): Locale {
  const wanted = requested ?? policyLocale ?? byCountry.get(country) ?? "en";
  if (!available || available.includes(wanted)) return wanted;
  const near = available.find((each) => language(each) === language(wanted));
  return near ?? (available.includes("en") ? "en" : (available[0] ?? "en"));
}
