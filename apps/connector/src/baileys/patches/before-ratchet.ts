import { createRequire } from "node:module";
import { GroupCipher } from "@whiskeysockets/baileys/lib/Signal/Group/group_cipher.js";

type Handle = (plaintext: Uint8Array) => Promise<void>;

interface SessionCipher {
  decryptWhisperMessage: (this: SessionCipher, ciphertext: Uint8Array) => Promise<Uint8Array>;
  decryptPreKeyWhisperMessage: (this: SessionCipher, ciphertext: Uint8Array) => Promise<Uint8Array>;
  doDecryptWhisperMessage: (this: SessionCipher, ciphertext: Uint8Array, session: unknown) => Promise<Uint8Array>;
}

const handlers = new WeakMap<Uint8Array, Handle>();
/** The ciphertext of each cipher; Baileys makes a cipher for every message. */
const ciphertexts = new WeakMap<SessionCipher, Uint8Array>();

/**
 * Calls `handle` with the plaintext before the Signal session advances. When `handle` rejects, or the process ends in it,
 * the same ciphertext can be decrypted again.
 */
export function beforeRatchet(ciphertext: Uint8Array, handle: Handle): void {
  handlers.set(ciphertext, handle);
}

/**
 * libsignal stores that a message key is used before it returns the plaintext, and Baileys acknowledges a message before
 * its event. A process that is killed in between loses the message. This is the only place before both.
 */
export function patchDecryption(): void {
  const { prototype } = createRequire(import.meta.url)("libsignal").SessionCipher as { prototype: SessionCipher };
  const { decryptWhisperMessage, decryptPreKeyWhisperMessage, doDecryptWhisperMessage } = prototype;
  prototype.decryptWhisperMessage = function (ciphertext) {
    ciphertexts.set(this, ciphertext);
    return decryptWhisperMessage.call(this, ciphertext);
  };
  prototype.decryptPreKeyWhisperMessage = function (ciphertext) {
    ciphertexts.set(this, ciphertext);
    return decryptPreKeyWhisperMessage.call(this, ciphertext);
  };
  prototype.doDecryptWhisperMessage = async function (ciphertext, session) {
    const plaintext = await doDecryptWhisperMessage.call(this, ciphertext, session);
    const encrypted = ciphertexts.get(this);
    await (encrypted && handlers.get(encrypted)?.(plaintext));
    return plaintext;
  };
  // In a group: the sender's key advances in the transaction around this call, which a rejection undoes.
  // oxlint-disable-next-line typescript/unbound-method -- called with the cipher that it belongs to
  const { decrypt } = GroupCipher.prototype;
  GroupCipher.prototype.decrypt = async function (ciphertext) {
    const plaintext = await decrypt.call(this, ciphertext);
    await handlers.get(ciphertext)?.(plaintext);
    return plaintext;
  };
}
