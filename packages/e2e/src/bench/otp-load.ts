/** The clients of `pnpm bench otp`, in a process of their own. Each creates, waits for its phone, checks, and repeats. */
import { Agent } from "node:http";
import type { Verification } from "@sandi/contracts";
import type { Local } from "@sandi/local-stack";
import { codeIn } from "../code.ts";
import { ask } from "./ask.ts";
import { followPhones } from "./follow-phones.ts";

export interface LoadRequest {
  local: Local;
  phones: string[];
  otps: number;
  clients: number;
  /** Part of each purpose, so that runs do not share verifications. */
  label: string;
}

/** Milliseconds of each OTP, and the time of all of them. */
export interface LoadReport {
  accepted: number[];
  onPhone: number[];
  checked: number[];
  seconds: number;
}

process.once("message", (request) => {
  void run(request as LoadRequest).then((report) => process.send?.(report, () => process.exit(0)));
});

async function run({ local, phones, otps, clients, label }: LoadRequest): Promise<LoadReport> {
  const waiting = new Map<string, (text: string) => void>();
  await followPhones(local, (phone, { text }) => waiting.get(phone)?.(text));
  const report: LoadReport = { accepted: [], onPhone: [], checked: [], seconds: 0 };
  const headers = { authorization: `Bearer ${local.apiKey}` };
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const post = (path: string, body: unknown) =>
    ask(agent, { method: "POST", url: local.apiUrl + path, headers, body: JSON.stringify(body) });

  async function client(index: number, count: number) {
    const mine = phones.filter((_, i) => i % clients === index);
    for (let i = 0; i < count; i++) {
      const to = mine[i % mine.length] ?? "";
      const shown = new Promise<string>((resolve) => waiting.set(to, resolve));
      const startedAt = performance.now();
      const created = await post("/v1/verifications", { to, purpose: `${label}-${i}` });
      report.accepted.push(performance.now() - startedAt);
      if (created.status !== 202) throw new Error(`create: ${created.status} ${created.text}`);
      const { id } = JSON.parse(created.text) as Verification;
      const text = await shown;
      report.onPhone.push(performance.now() - startedAt);
      const checkedAt = performance.now();
      const check = await post(`/v1/verifications/${id}/check`, { code: codeIn(text) });
      report.checked.push(performance.now() - checkedAt);
      if (check.status !== 200) throw new Error(`check: ${check.status}`);
    }
  }

  const startedAt = performance.now();
  await Promise.all(Array.from({ length: clients }, (_, i) => client(i, Math.ceil(otps / clients))));
  report.seconds = (performance.now() - startedAt) / 1000;
  return report;
}
