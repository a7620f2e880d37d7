import { crc32 } from "@sandi/crypto";
import { create } from "qrcode";

const quietZone = 4;

interface Modules {
  size: number;
  isDark: (row: number, column: number) => boolean;
}

function modulesOf(text: string): Modules {
  const { modules } = create(text, { errorCorrectionLevel: "M" });
  return { size: modules.size, isDark: (row, column) => modules.get(row, column) !== 0 };
}

/** A QR code as SVG: one path, black on white, with its quiet zone. */
export function qrSvg(text: string): string {
  const { size, isDark } = modulesOf(text);
  const side = size + 2 * quietZone;
  let path = "";
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      if (!isDark(row, column)) continue;
      const from = column;
      while (column + 1 < size && isDark(row, column + 1)) column++;
      path += `M${from + quietZone} ${row + quietZone}h${column - from + 1}v1h-${column - from + 1}z`;
    }
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${side} ${side}" shape-rendering="crispEdges" role="img" aria-label="QR code"><rect width="${side}" height="${side}" fill="#fff"/><path d="${path}" fill="#000"/></svg>`;
}

/** A QR code as a one-bit grey PNG of about 400 pixels. */
export async function qrPng(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const { size, isDark } = modulesOf(text);
  const side = size + 2 * quietZone;
  const scale = Math.max(1, Math.ceil(400 / side));
  const width = side * scale;
  const stride = 1 + Math.ceil(width / 8);
  const pixels = new Uint8Array(stride * width).fill(0xff);
  for (let y = 0; y < width; y++) {
    const line = y * stride;
    pixels[line] = 0;
    const row = Math.floor(y / scale) - quietZone;
    if (row < 0 || row >= size) continue;
    for (let x = 0; x < width; x++) {
      const column = Math.floor(x / scale) - quietZone;
      if (column < 0 || column >= size || !isDark(row, column)) continue;
      const at = line + 1 + (x >> 3);
      pixels[at] = (pixels[at] ?? 0) & ~(0x80 >> (x & 7));
    }
  }
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, width);
  header.setUint8(8, 1);
  const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
  const body = await deflate(pixels);
  const parts = [
    signature,
    chunk("IHDR", new Uint8Array(header.buffer)),
    chunk("IDAT", body),
    chunk("IEND", new Uint8Array()),
  ];
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

async function deflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function chunk(type: string, data: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(12 + data.length);
  const view = new DataView(whole.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i++) whole[4 + i] = type.charCodeAt(i);
  whole.set(data, 8);
  view.setUint32(8 + data.length, crc32(whole.subarray(4, 8 + data.length)));
  return whole;
}
