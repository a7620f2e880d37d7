import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    name: "@sandi/edge",
    include: ["test/**/*.test.ts"],
    // The modules keep no state, so the files of one worker share them. Loading them costs more than most tests.
    isolate: false,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
