import { expect, it } from "vitest";
import { watching } from "../src/stack/watching.ts";

it("the launcher passes on settings of metrics, traces and logs, with a metrics port for each connector", () => {
  const { edgeEnv, connectorEnv } = watching({
    METRICS_PORT: "9464",
    LOG_REQUESTS: "all",
    LOG_LEVEL: "",
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318",
    QSTASH_TOKEN: "not for the stack",
  });
  const otel = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" };
  expect(edgeEnv).toEqual({ ...otel, LOG_REQUESTS: "all" });
  expect([0, 1].map(connectorEnv)).toEqual([
    { ...otel, METRICS_PORT: "9464" },
    { ...otel, METRICS_PORT: "9465" },
  ]);
});
