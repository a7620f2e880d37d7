import type { StackOptions } from "./stack.ts";

const otel = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_TRACES_SAMPLER_ARG"];

/** The settings of metrics, traces and logs that `npm start` passes on. Each connector has a metrics port of its own. */
export function watching(
  environment: Record<string, string | undefined>,
): Required<Pick<StackOptions, "edgeEnv" | "connectorEnv">> {
  const given = (names: string[]) =>
    Object.fromEntries(
      names.flatMap((name): [string, string][] => {
        const value = environment[name];
        return value === undefined || value === "" ? [] : [[name, value]];
      }),
    );
  const metricsPort = Number(environment["METRICS_PORT"] ?? 0);
  return {
    edgeEnv: given([...otel, "LOG_REQUESTS"]),
    connectorEnv: (index) => ({
      ...given([...otel, "LOG_LEVEL"]),
      ...(metricsPort > 0 ? { METRICS_PORT: String(metricsPort + index) } : {}),
    }),
  };
}
