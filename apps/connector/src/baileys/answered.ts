import { codeOf, isAnswer, NoAnswer } from "./no-answer.ts";

/** WhatsApp answered a call with an error. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly code: number;

  constructor(code: number, cause: unknown) {
    super(`WhatsApp answered with the error ${code}`, { cause });
    this.code = code;
  }
}

/** Less than the edge waits for the connector. */
const answerMs = 4000;
const retryMs = 2000;

/** Demands an answer: Baileys waits for a minute, and some of its functions succeed without one. */
export async function answered<Output>(asking: Promise<Output>): Promise<Output> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new NoAnswer("WhatsApp did not answer in time", retryMs)), answerMs);
  });
  try {
    return await Promise.race([asking, late]);
  } catch (error) {
    if (error instanceof NoAnswer || error instanceof Refused) throw error;
    if (isAnswer(error)) throw new Refused(codeOf(error), error);
    throw new NoAnswer("WhatsApp did not answer", retryMs);
  } finally {
    clearTimeout(timer);
  }
}
