/** Computes the milliseconds to wait from the number of retries so far. */
export type RetryDelay = (retried: number) => number;

const functions: Record<string, { takes: number; run: (...args: number[]) => number }> = {
  pow: { takes: 2, run: Math.pow },
  sqrt: { takes: 1, run: Math.sqrt },
  abs: { takes: 1, run: Math.abs },
  exp: { takes: 1, run: Math.exp },
  floor: { takes: 1, run: Math.floor },
  ceil: { takes: 1, run: Math.ceil },
  round: { takes: 1, run: Math.round },
  min: { takes: Infinity, run: Math.min },
  max: { takes: Infinity, run: Math.max },
};

/** The expression is not valid. The publisher gets the message. */
export class ExpressionError extends Error {}

const longest = 256;
const token = /\s*(?:(\d+(?:\.\d+)?(?:e[+-]?\d+)?|\.\d+)|([a-z_]\w*)|([-+*/%(),]))/iy;

/** Reads an `Upstash-Retry-Delay`: numbers, `retried`, `+ - * / %`, parentheses and the nine functions that QStash has. */
export function parseRetryDelay(text: string): RetryDelay {
  if (text.length > longest) throw new ExpressionError(`longer than ${longest} characters`);
  const tokens = tokenize(text);
  let at = 0;
  const take = (wanted: string) => tokens[at] === wanted && ++at > 0;
  const expect = (wanted: string) => {
    if (!take(wanted)) throw new ExpressionError(`expected "${wanted}" and found "${tokens[at] ?? "the end"}"`);
  };

  function sum(): RetryDelay {
    let left = product();
    for (;;) {
      const [a, isPlus] = [left, tokens[at] === "+"];
      if (!take("+") && !take("-")) return left;
      const b = product();
      left = isPlus ? (n) => a(n) + b(n) : (n) => a(n) - b(n);
    }
  }

  function product(): RetryDelay {
    let left = unary();
    for (;;) {
      const [a, sign] = [left, tokens[at]];
      if (!take("*") && !take("/") && !take("%")) return left;
      const b = unary();
      left = sign === "*" ? (n) => a(n) * b(n) : sign === "/" ? (n) => a(n) / b(n) : (n) => a(n) % b(n);
    }
  }

  function unary(): RetryDelay {
    if (take("+")) return unary();
    if (!take("-")) return atom();
    const inner = unary();
    return (n) => -inner(n);
  }

  function atom(): RetryDelay {
    if (take("(")) {
      const inner = sum();
      expect(")");
      return inner;
    }
    const word = tokens[at++];
    if (word === undefined) throw new ExpressionError("the expression is not complete");
    if (word === "retried") return (n) => n;
    if (/^[\d.]/.test(word)) return () => Number(word);
    if (!Object.hasOwn(functions, word)) throw new ExpressionError(`"${word}" is not a known name`);
    return call(word, functions[word] as (typeof functions)[string]);
  }

  function call(name: string, { takes, run }: (typeof functions)[string]): RetryDelay {
    expect("(");
    const args = [sum()];
    while (take(",")) args.push(sum());
    expect(")");
    if (takes !== Infinity && args.length !== takes) throw new ExpressionError(`${name} takes ${takes} arguments`);
    return (n) => run(...args.map((arg) => arg(n)));
  }

  const delay = sum();
  if (at < tokens.length) throw new ExpressionError(`"${tokens[at]}" is not expected here`);
  return delay;
}

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  const end = text.trimEnd().length;
  token.lastIndex = 0;
  while (token.lastIndex < end) {
    const from = token.lastIndex;
    const match = token.exec(text);
    if (!match) throw new ExpressionError(`"${text.slice(from).trim()[0]}" is not allowed`);
    tokens.push(match[1] ?? match[2] ?? (match[3] as string));
  }
  return tokens;
}

const day = 24 * 3_600_000;
/** QStash's default: e^(2.5 n) seconds before the nth retry, one day at most. */
export const defaultRetryDelay: RetryDelay = (retried) =>
  Math.min(day, Math.floor(Math.exp(2.5 * (retried + 1))) * 1000);

/** The delay within its bounds. A result that is not a number falls back to the default. */
export function boundedDelay(delay: RetryDelay, retried: number): number {
  const ms = delay(retried);
  return Number.isNaN(ms) ? defaultRetryDelay(retried) : Math.round(Math.min(day, Math.max(0, ms)));
}
