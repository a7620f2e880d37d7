import { type Agent, request } from "node:http";

export interface Asked {
  method: string;
  url: string;
  headers: Record<string, string>;
  /** JSON, unless the headers say otherwise. */
  body?: string | Uint8Array | undefined;
}

/** A request on a kept connection. It costs the clients' process less CPU than `fetch`. */
export function ask(agent: Agent, { method, url, headers, body }: Asked): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      { method, agent, headers: body === undefined ? headers : { "content-type": "application/json", ...headers } },
      (response) => {
        let text = "";
        response
          .setEncoding("utf8")
          .on("data", (chunk: string) => (text += chunk))
          .on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      },
    );
    outgoing.on("error", reject).end(body);
  });
}
