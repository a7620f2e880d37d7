/** What is told of a request that is over: ids, and neither addresses, queries nor bodies. */
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

/** Writes the lines that were asked for. */
export function requestLog(which: "off" | "errors" | "all", write: (line: string) => void) {
  return (line: RequestLine): void => {
    if (which === "all" || (which === "errors" && line.status >= 500)) write(JSON.stringify(line));
  };
}
