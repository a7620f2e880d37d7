import { type Locale, writtenToken } from "@sandi/contracts";

/** The message of the user, in the user's language. */
const words: Record<Locale, string> = {
  en: "My verification code request:",
  id: "Permintaan kode verifikasi saya:",
  ar: "طلب التحقق الخاص بي:",
  es: "Mi solicitud de verificación:",
  "pt-BR": "Meu pedido de verificação:",
  fr: "Ma demande de vérification :",
  hi: "मेरा सत्यापन अनुरोध:",
  ur: "میری تصدیق کی درخواست:",
  tr: "Doğrulama isteğim:",
};

/** The message with the token alone on its line, so that the writing direction does not change it. */
export const inboundText = (locale: Locale, token: string) => `${words[locale]}\n${writtenToken(token)}`;

/** A link that opens the chat with the message ready to send. */
export const waMeLink = (phone: string, text: string) =>
  `https://wa.me/${phone.slice(1)}?text=${encodeURIComponent(text)}`;
