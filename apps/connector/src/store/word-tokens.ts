import { createHmac } from "node:crypto";
import type { Pseudonym } from "./pseudonyms.ts";

/**
 * The tokens that stand for words in the index of a session: HMACs under a key of the session. Without that key, a reader
 * of the database cannot tell the words or try some. What it sees is which messages of one session share a word, and how
 * often each token occurs, so that the most frequent words of a language may be guessed. The same word has other tokens in
 * another session.
 */
export function wordTokens(pseudonym: Pseudonym, sessionId: string, words: readonly string[]): string[] {
  const key = pseudonym(`words of ${sessionId}`);
  return words.map((word) => createHmac("sha256", key).update(word).digest().toString("base64url", 0, 9));
}
