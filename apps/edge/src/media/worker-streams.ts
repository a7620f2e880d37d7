import type { Streams } from "./streams.ts";

/** The functions of the Workers runtime. */
export const workerStreams: Streams = {
  sha256() {
    const stream = new crypto.DigestStream("SHA-256");
    const writer = stream.getWriter();
    return {
      update: (bytes) => writer.write(bytes),
      async end() {
        await writer.close();
        return new Uint8Array(await stream.digest).toHex();
      },
    };
  },
  ofLength(stream, length) {
    const { readable, writable } = new FixedLengthStream(length);
    // The reader sees a failure as an answer that breaks off.
    void stream.pipeTo(writable).catch(() => undefined);
    return readable;
  },
};
