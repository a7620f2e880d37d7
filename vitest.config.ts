import { defineConfig } from "vitest/config";

/** Those without a configuration of their own. */
const plain = ["contracts", "crypto", "libsql", "local-stack", "tracing"];

export default defineConfig({
  test: {
    projects: [
      "apps/*",
      "packages/{e2e,whatsapp-simulator}",
      ...plain.map((name) => ({ extends: true as const, root: `packages/${name}`, test: { name: `@sandi/${name}` } })),
    ],
    // A busy machine is slow, and no test is about that.
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
