import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { name: "@sandi/e2e", fileParallelism: false, testTimeout: 180_000, hookTimeout: 120_000 },
});
