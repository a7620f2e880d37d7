import { readFile } from "node:fs/promises";
import { generateSecrets } from "@sandi/local-stack";
import { webRandom } from "@sandi/crypto";
import { describe, expect, it } from "vitest";

const file = (path: string) => readFile(new URL(`../../../${path}`, import.meta.url), "utf8");

const missing = (names: string[], ...texts: (string | undefined)[]) =>
  names.filter((name) => !texts.every((text) => text?.includes(name)));

describe("the real clouds' configuration", () => {
  it("names every secret that `pnpm keys` makes, where it belongs", async () => {
    const { edge, connector } = await generateSecrets("k1", webRandom);
    const files = ["wrangler.toml", "fly.toml", "docs/configuration.md"];
    const [worker, fly, page] = await Promise.all(files.map(file));
    expect(missing(Object.keys(edge), worker, page)).toEqual([]);
    expect(missing(Object.keys(connector), fly, page)).toEqual([]);
  });

  it("copies into the image every package that the connector imports", async () => {
    const [manifest, dockerfile] = await Promise.all([
      file("apps/connector/package.json"),
      file("apps/connector/Dockerfile"),
    ]);
    const { dependencies } = JSON.parse(manifest) as { dependencies: Record<string, string> };
    const ours = Object.keys(dependencies).filter((name) => name.startsWith("@sandi/"));
    expect(ours.length).toBeGreaterThan(0);
    for (const name of ours) {
      const room = `packages/${name.slice("@sandi/".length)}`;
      expect(dockerfile).toContain(`COPY ${room}/package.json ${room}/`);
      expect(dockerfile).toContain(`COPY ${room}/src ${room}/src`);
    }
    expect(dockerfile).toMatch(/^USER node$/m);
  });

  it("runs the connector in the image as the local stack and the benchmarks do", async () => {
    const [stack, dockerfile] = await Promise.all([
      file("packages/local-stack/src/stack/stack.ts"),
      file("apps/connector/Dockerfile"),
    ]);
    const flags = /const connectorFlags = (\[.*\]);/.exec(stack)?.[1];
    expect(flags).toBeDefined();
    const command = ["node", ...(JSON.parse(flags!) as string[]), "apps/connector/src/main.ts"];
    expect(JSON.parse(/^CMD (.*)$/m.exec(dockerfile)?.[1] ?? "null")).toEqual(command);
  });

  it("never gives a session two owners while it deploys", async () => {
    const fly = await file("fly.toml");
    expect(fly).toMatch(/strategy = "rolling"/);
    expect(fly).toMatch(/auto_stop_machines = "off"/);
    expect(Number(/kill_timeout = "(\d+)s"/.exec(fly)?.[1])).toBeGreaterThanOrEqual(20);
  });
});
