import { relative } from "node:path";
import type { Reporter, TestModule, TestSpecification, Vitest } from "vitest/node";

const limitMs = 90_000;

/** Ends a run of Vitest after 90 s and names the files that it did not finish. That alone is no failure. */
export default class TimeLimit implements Reporter {
  #vitest: Vitest | undefined;
  #limit: NodeJS.Timeout | undefined;
  #isOver = false;
  readonly #unfinished = new Set<string>();

  onInit(vitest: Vitest) {
    this.#vitest = vitest;
  }

  onTestRunStart(specifications: readonly TestSpecification[]) {
    for (const { moduleId } of specifications) this.#unfinished.add(moduleId);
    this.#limit = setTimeout(() => {
      this.#isOver = true;
      void this.#vitest?.cancelCurrentRun("keyboard-input");
    }, limitMs);
  }

  onTestModuleEnd({ moduleId }: TestModule) {
    if (!this.#isOver) this.#unfinished.delete(moduleId);
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]) {
    clearTimeout(this.#limit);
    if (!this.#isOver) return;
    for (const file of this.#unfinished) process.stdout.write(`left out for lack of time: ${relative(".", file)}\n`);
    const hasFailed = errors.length > 0 || modules.some((each) => each.state() === "failed");
    process.exitCode = hasFailed ? 1 : 0;
  }
}
