/** The beginning of a body, as text. An end that comes too early, or never, does not matter: the rest is not read. */
export async function beginningOf(body: ReadableStream<Uint8Array> | null, mostBytes: number): Promise<string> {
  if (!body) return "";
  const reader = body.getReader();
  const bytes = new Uint8Array(mostBytes);
  let size = 0;
  try {
    while (size < mostBytes) {
      const { done, value } = await reader.read();
      if (done) break;
      const part = value.subarray(0, mostBytes - size);
      bytes.set(part, size);
      size += part.length;
    }
  } catch {
    // What was read so far is kept.
  }
  void reader.cancel().catch(() => undefined);
  return new TextDecoder().decode(bytes.subarray(0, size));
}
