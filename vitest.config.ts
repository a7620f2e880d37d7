import { fileURLToPath } from "node:url";
import { defineConfig, type UserWorkspaceConfig } from "vitest/config";

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

// Node keeps what it compiled, so that the many processes of the tests start in half the time.
process.env["NODE_COMPILE_CACHE"] ??= path("node_modules/.cache/node");

// A busy machine is slow, and no test is about that.
const patient = { testTimeout: 30_000, hookTimeout: 60_000 };
/** Whole processes start here. */
const veryPatient = { testTimeout: 300_000, hookTimeout: 180_000 };
/** These modules keep no state of a test, so the files of one worker share them. Loading them costs more than most tests. */
const shared = { isolate: false };

const project = (root: string, test: UserWorkspaceConfig["test"] = {}): UserWorkspaceConfig => ({
  root,
  test: { include: ["test/**/*.test.ts"], maxWorkers: "100%", ...patient, ...test },
});

export default defineConfig({
  test: {
    projects: [
      project("apps/edge", { name: "@sandi/edge", ...shared }),
      project("apps/connector", { name: "connector", ...shared, ...veryPatient }),
      project("packages/contracts", { name: "@sandi/contracts" }),
      project("packages/crypto", { name: "@sandi/crypto" }),
      project("packages/libsql", { name: "@sandi/libsql" }),
      project("packages/local-stack", { name: "@sandi/local-stack" }),
      project("packages/listen", { name: "@sandi/listen" }),
      project("packages/tracing", { name: "@sandi/tracing" }),
      project("packages/whatsapp-simulator", {
        name: "@sandi/whatsapp-simulator",
        setupFiles: [path("packages/whatsapp-simulator/test/support/quiet.ts")],
      }),
      project("packages/e2e", { name: "@sandi/e2e", ...shared, ...veryPatient }),
    ],
  },
});
