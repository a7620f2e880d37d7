import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    setupFiles: ["test/support/quiet.ts"],
    testTimeout: 30_000,
    // Each file has its own simulators on ports of their own, and waits more than it works.
    maxWorkers: "100%",
    // vitest wants projects that differ in their workers to run one after the other.
    sequence: { groupOrder: 1 },
  },
});
