import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    name: "@sandi/edge",
    include: ["test/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Together with the connector's and the simulator's, which wait more than they work.
    maxWorkers: "100%",
    sequence: { groupOrder: 1 },
  },
});
