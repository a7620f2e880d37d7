import { createRequire } from "node:module";

type Take = (plaintext: Uint8Array) => Promise<void>;

interface SessionCipher {
  decryptWhisperMessage: (this: SessionCipher, ciphertext: Uint8Array) => Promise<Uint8Array>;
  decryptPreKeyWhisperMessage: (this: SessionCipher, ciphertext: Uint8Array) => Promise<Uint8Array>;
  doDecryptWhisperMessage: (this: SessionCipher, ciphertext: Uint8Array, session: unknown) => Promise<Uint8Array>;
}

const takers = new WeakMap<Uint8Array, Take>();
/** What each cipher was asked to decrypt; Baileys makes one for every message. */
const asked = new WeakMap<SessionCipher, Uint8Array>();

/**
 * Has the plaintext of this ciphertext taken before its Signal session moves on: when `take` rejects, or the process
 * ends in it, the same ciphertext can be decrypted again.
 */
export function takeDecrypted(ciphertext: Uint8Array, take: Take): void {
  takers.set(ciphertext, take);
}

/**
 * libsignal stores that a message key is used up before it answers the plaintext, and Baileys acknowledges the message
 * before it tells of it: a process killed in between loses the message. This is the one place before both.
 */
export function interceptDecryption(): void {
  const { prototype } = createRequire(import.meta.url)("libsignal").SessionCipher as { prototype: SessionCipher };
  const { decryptWhisperMessage, decryptPreKeyWhisperMessage, doDecryptWhisperMessage } = prototype;
  prototype.decryptWhisperMessage = function (ciphertext) {
    asked.set(this, ciphertext);
    return decryptWhisperMessage.call(this, ciphertext);
  };
  prototype.decryptPreKeyWhisperMessage = function (ciphertext) {
    asked.set(this, ciphertext);
    return decryptPreKeyWhisperMessage.call(this, ciphertext);
  };
  prototype.doDecryptWhisperMessage = async function (ciphertext, session) {
    const plaintext = await doDecryptWhisperMessage.call(this, ciphertext, session);
    const whole = asked.get(this);
    await (whole && takers.get(whole)?.(plaintext));
    return plaintext;
  };
}
