/** The log line of a request: ids, but no addresses, queries or bodies. */
export interface RequestLine {
  requestId: string;
  method: string;
  /** The pattern, such as `/v1/messages/:id`. */
  route: string;
  status: number;
  ms: number;
  workspaceId: string | undefined;
  keyId: string | undefined;
  traceId: string | undefined;
}

/** Writes the lines of the configured requests. */
export function requestLog(which: "off" | "errors" | "all", write: (line: string) => void) {
  return (line: RequestLine): void => {
    if (which === "all" || (which === "errors" && line.status >= 500)) write(JSON.stringify(line));
  };
}
