import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    name: "connector",
    include: ["test/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Each file has a world of its own, and waits more than it works.
    maxWorkers: "100%",
    // vitest wants projects that differ in their workers to run one after the other.
    sequence: { groupOrder: 1 },
  },
});
