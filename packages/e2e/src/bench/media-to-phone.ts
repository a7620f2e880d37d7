import type { Media, Message, Session } from "@sandi/contracts";
import { eventually, startTestStack, type TestStack } from "../harness.ts";
import { largeFile, peakOf, peakOfWorkerd, type Peak, sendLarge, sha256Of } from "../large-files.ts";

interface Sent {
  size: number;
  /** From the begin of the upload until the phone has read the message. */
  ms: number;
  connector: Peak<unknown>;
  workerd: Peak<unknown>;
}

const pdf = Buffer.from("%PDF-1.7\n");

/** Sends documents of these sizes to a phone. Each is the only file of a connector that has just started. */
export async function peaksOfDocuments(sizes: readonly number[]): Promise<Sent[]> {
  const stack = await startTestStack({ connectorEnv: () => ({ LOG_LEVEL: "warn" }) });
  const peaks: Sent[] = [];
  try {
    for (const size of sizes) {
      await restartConnector(stack);
      // The first message of a process makes what all messages use.
      await send(stack, { type: "text", text: "Hello" });
      const startedAt = performance.now();
      const connector = await peakOf(
        () => [stack.connector.pid ?? 0],
        () => peakOfWorkerd(() => sendDocument(stack, size)),
      );
      peaks.push({ size, ms: performance.now() - startedAt, connector, workerd: connector.result });
    }
    return peaks;
  } finally {
    await stack.destroy();
  }
}

async function restartConnector(stack: TestStack): Promise<void> {
  const { connector } = stack;
  const { pid } = connector;
  connector.kill("SIGKILL");
  await eventually("a new connector", async () => connector.pid !== undefined && connector.pid !== pid);
  await connector.ready();
  await eventually("the session to be online", async () => {
    const { body } = await stack.api<Session>(`GET /v1/sessions/${stack.local.sessionId}`);
    return body.state === "online";
  });
}

async function sendDocument(stack: TestStack, size: number): Promise<void> {
  const headers = {
    authorization: `Bearer ${stack.local.apiKey}`,
    "content-type": "application/pdf",
    "content-length": String(size),
  };
  const body = largeFile(pdf, size);
  const { status, text } = await sendLarge(`${stack.apiUrl}/v1/media?kind=document`, { method: "POST", headers, body });
  if (status !== 201) throw new Error(`an upload was answered with ${status}: ${text}`);
  const { id: mediaId } = JSON.parse(text) as Media;
  await send(stack, { type: "document", media: { mediaId }, fileName: "large.pdf" });
  const hash = sha256Of(largeFile(pdf, size));
  const isThere = ((await stack.inbox()) as { media?: { sha256?: string } }[]).some(
    ({ media }) => media?.sha256 === hash,
  );
  if (!isThere) throw new Error("the phone has another file");
}

async function send(stack: TestStack, content: object): Promise<void> {
  const { status, body } = await stack.api<Message>("POST /v1/messages", { to: stack.local.userPhone, ...content });
  if (status !== 202) throw new Error(`POST /v1/messages: ${status} ${JSON.stringify(body)}`);
  await eventually("the message to be read", async () => {
    const message = (await stack.api<Message>(`GET /v1/messages/${body.id}`)).body;
    if (message.status === "failed") throw new Error(`the message failed: ${JSON.stringify(message.failure)}`);
    return message.status === "read";
  });
}
