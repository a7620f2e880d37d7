import type { Said } from "../baileys/receive-messages.ts";
import { textsOf, wordsIn } from "../content/words.ts";
import type { Pseudonym } from "../store/pseudonyms.ts";
import { wordTokens } from "../store/word-tokens.ts";

type SaidContent = Extract<Said, { content: unknown }>["content"];

/** The tokens of what a message says, for the word index of its session. */
export const contentTokens = (pseudonym: Pseudonym, sessionId: string, content: SaidContent): string[] =>
  wordTokens(pseudonym, sessionId, wordsIn(textsOf(content)));

/** The tokens of what somebody searches for. */
export const searchTokens = (pseudonym: Pseudonym, sessionId: string, searched: string): string[] =>
  wordTokens(pseudonym, sessionId, wordsIn([searched]));
