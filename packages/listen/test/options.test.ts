import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, it } from "vitest";
import { readOptions, UsageError } from "../src/options.ts";

const folder = mkdtempSync(join(tmpdir(), "sandi-listen-"));
afterAll(() => rmSync(folder, { recursive: true }));
const local = pathToFileURL(join(folder, "local.json"));
const none = pathToFileURL(join(folder, "none.json"));
writeFileSync(local, JSON.stringify({ apiUrl: "http://127.0.0.1:8787", apiKey: "sandi_live_local" }));

function which(args: string[], given: Record<string, string>, file = local) {
  const options = readOptions(args, given, file);
  return options === "help" ? options : [options.url, options.key];
}

it("takes the stack of this checkout, another Sandi of the environment, or of the options", () => {
  const env = { SANDI_API_URL: "https://api.acme.example/", SANDI_API_KEY: "sandi_live_env" };
  const url = ["--url", "https://sandi.example", "--key", "sandi_live_option"];
  expect(which([], {})).toEqual(["http://127.0.0.1:8787", "sandi_live_local"]);
  expect(which(["--key", "sandi_test_1"], {})).toEqual(["http://127.0.0.1:8787", "sandi_test_1"]);
  expect(which([], env, none)).toEqual(["https://api.acme.example", "sandi_live_env"]);
  expect(which(url, env, none)).toEqual(["https://sandi.example", "sandi_live_option"]);
});

it("reads filters, the form and the app", () => {
  const args = ["--type", "message.*", "--type", "poll.vote", "--session", "ses_1", "--json"];
  const forward = ["--forward-to", "http://localhost:4000/hooks", "--secret", `whsec_${"A".repeat(43)}=`];
  expect(readOptions([...args, ...forward], {}, local)).toEqual({
    url: "http://127.0.0.1:8787",
    key: "sandi_live_local",
    types: ["message.*", "poll.vote"],
    session: "ses_1",
    json: true,
    forwardTo: "http://localhost:4000/hooks",
    secret: `whsec_${"A".repeat(43)}=`,
  });
  expect(readOptions(["--help"], {}, none)).toBe("help");
});

it.each([
  ["without a stack", [], /npm start/],
  ["with an unknown option", ["--colour"], /Unknown option/],
  ["with an address but no key", ["--url", "https://sandi.example"], /--key, or SANDI_API_KEY/],
  ["with a key over plain http", ["--url", "http://sandi.example", "--key", "k"], /must be https/],
  ["with no address", ["--url", "sandi.example", "--key", "k"], /must be an http or https address/],
  ["with a wrong secret", ["--url", "https://sandi.example", "--key", "k", "--secret", "x"], /whsec_/],
  ["with a wrong app", ["--url", "https://sandi.example", "--key", "k", "--forward-to", "4000"], /--forward-to/],
])("refuses to start %s, with the reason", (_, args, reason) => {
  const read = () => readOptions(args, {}, none);
  expect(read).toThrow(UsageError);
  expect(read).toThrow(reason);
});
