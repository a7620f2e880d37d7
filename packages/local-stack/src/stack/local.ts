/** The content of `.data/local.json`: what a script needs to use the stack. */
export interface Local {
  apiUrl: string;
  apiKey: string;
  /** For the sandbox, whose numbers begin with +999. */
  testApiKey: string;
  workspaceId: string;
  sessionId: string;
  /** The number of the user's simulated phone; null with another WhatsApp. */
  userPhone: string | null;
  simulatorUrl: string | null;
  dashboard: { url: string; email: string; password: string };
}

/** Calls the stack's API; throws `CallRefused` with the problem when the answer is not a success. */
export async function call<T>(local: Pick<Local, "apiUrl" | "apiKey">, request: string, body?: unknown): Promise<T> {
  const [method = "GET", path = "/"] = request.split(" ");
  const response = await fetch(local.apiUrl + path, {
    method,
    headers: {
      authorization: `Bearer ${local.apiKey}`,
      accept: "application/json",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(15_000),
  });
  const text = await response.text();
  if (!response.ok) throw new CallRefused(response.status, `${request}: ${response.status} ${text}`);
  return (text ? JSON.parse(text) : undefined) as T;
}

export class CallRefused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Calls `ask` until it returns a value; throws when the time is over. */
export async function until<T>(what: string, ask: () => Promise<T | undefined>, withinMs = 30_000): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${withinMs / 1000} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
