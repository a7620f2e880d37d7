import type { Locale } from "@sandi/contracts";

interface BuiltIn {
  text: string;
  /** The line with the amount, the payee, or both. */
  bind: { both: string; amount: string; payee: string };
}

const compose = (title: string, lifetime: string, warning: string) =>
  `${title}\n\n*{{code}}*\n\n${lifetime}\n${warning}`;

/** The texts without a template. The wording of the lifetime is correct for every number of minutes. */
export const builtIn: Record<Locale, BuiltIn> = {
  en: {
    text: compose(
      "*{{company}}* verification code",
      "It expires in {{minutes}} min.",
      "Do not share this code with anyone, not even with us.",
    ),
    bind: { both: "{{amount}} to {{payee}}", amount: "Amount: {{amount}}", payee: "Recipient: {{payee}}" },
  },
  id: {
    text: compose(
      "Kode verifikasi *{{company}}*",
      "Berlaku selama {{minutes}} menit.",
      "Jangan bagikan kode ini kepada siapa pun, termasuk kepada kami.",
    ),
    bind: { both: "{{amount}} kepada {{payee}}", amount: "Jumlah: {{amount}}", payee: "Penerima: {{payee}}" },
  },
  ar: {
    text: compose(
      "رمز التحقق الخاص بك في *{{company}}*",
      "مدة صلاحيته بالدقائق: {{minutes}}",
      "لا تشارك هذا الرمز مع أي شخص، ولا حتى معنا.",
    ),
    bind: { both: "المبلغ {{amount}} إلى {{payee}}", amount: "المبلغ: {{amount}}", payee: "المستفيد: {{payee}}" },
  },
  es: {
    text: compose(
      "Código de verificación de *{{company}}*",
      "Válido durante {{minutes}} min.",
      "No compartas este código con nadie, ni siquiera con nosotros.",
    ),
    bind: { both: "{{amount}} a {{payee}}", amount: "Importe: {{amount}}", payee: "Beneficiario: {{payee}}" },
  },
  "pt-BR": {
    text: compose(
      "Código de verificação *{{company}}*",
      "Válido por {{minutes}} min.",
      "Não compartilhe este código com ninguém, nem mesmo conosco.",
    ),
    bind: { both: "{{amount}} para {{payee}}", amount: "Valor: {{amount}}", payee: "Destinatário: {{payee}}" },
  },
  fr: {
    text: compose(
      "Votre code de vérification *{{company}}*",
      "Valable {{minutes}} min.",
      "Ne communiquez ce code à personne, pas même à nous.",
    ),
    bind: {
      both: "{{amount}} à {{payee}}",
      amount: "Montant\u00a0: {{amount}}",
      payee: "Bénéficiaire\u00a0: {{payee}}",
    },
  },
  hi: {
    text: compose(
      "*{{company}}* का सत्यापन कोड",
      "यह {{minutes}} मिनट तक मान्य है।",
      "यह कोड किसी के साथ साझा न करें, हमारे साथ भी नहीं।",
    ),
    bind: { both: "{{payee}} को {{amount}}", amount: "राशि: {{amount}}", payee: "प्राप्तकर्ता: {{payee}}" },
  },
  ur: {
    text: compose(
      "آپ کا *{{company}}* تصدیقی کوڈ",
      "یہ {{minutes}} منٹ تک کارآمد ہے۔",
      "یہ کوڈ کسی کے ساتھ شیئر نہ کریں، ہمارے ساتھ بھی نہیں۔",
    ),
    bind: { both: "رقم {{amount}}، وصول کنندہ {{payee}}", amount: "رقم: {{amount}}", payee: "وصول کنندہ: {{payee}}" },
  },
  tr: {
    text: compose(
      "*{{company}}* doğrulama kodunuz",
      "{{minutes}} dakika geçerlidir.",
      "Bu kodu kimseyle, bizimle bile paylaşmayın.",
    ),
    bind: { both: "Alıcı: {{payee}}, tutar: {{amount}}", amount: "Tutar: {{amount}}", payee: "Alıcı: {{payee}}" },
  },
};
