import { codePlaceholder, CompanyName } from "@sandi/contracts";

/** Replaced in SQL by the verification's remaining life, such as `5 minutes`: a resend has less of it. */
export const lifetimePlaceholder = "{{lifetime}}";

/** The text of a code, with the code alone on its line so that a phone copies it whole. */
export function otpTemplate(companyName: string): string {
  // WhatsApp reads *, _, ~ and ` as formatting: a name must not close ours.
  // A workspace may bear a name from before there were rules: such a one is not shown.
  const name = CompanyName.safeParse(companyName.replaceAll(/[*_~`]/g, "")).data ?? "Sandi";
  return [
    `*${name}* verification code`,
    "",
    `*${codePlaceholder}*`,
    "",
    `It expires in ${lifetimePlaceholder}.`,
    "Do not share this code with anyone, not even with us.",
  ].join("\n");
}
