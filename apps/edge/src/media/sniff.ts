/** The type that the first bytes of a file show; empty if they show none of those that messages mostly have. */
export function sniff(start: Uint8Array): string {
  // One letter for each byte: the decoder that is called Latin-1 is that of Windows.
  const text = String.fromCharCode(...start.subarray(0, 4096));
  const found = signatures.find(([signature, at = 0]) => text.startsWith(signature, at));
  if (found) return found[2];
  if (text.startsWith("ftyp", 4)) return brandOf(text.slice(8, 12));
  if (text.startsWith("RIFF")) return riffTypes[text.slice(8, 12)] ?? "";
  if (text.startsWith("OggS")) return text.startsWith("\u0080theora", 28) ? "video/ogg" : "audio/ogg";
  if (text.startsWith("PK\u0003\u0004")) return zipOf(text);
  return framesOf(start);
}

/** The first bytes of a format, one letter for each byte, where they stand, and its type. */
const signatures: readonly (readonly [signature: string, at: number | undefined, type: string])[] = [
  ["\u00ff\u00d8\u00ff", 0, "image/jpeg"],
  ["\u0089PNG\r\n\u001a\n", 0, "image/png"],
  ["GIF87a", 0, "image/gif"],
  ["GIF89a", 0, "image/gif"],
  ["II*\0", 0, "image/tiff"],
  ["MM\0*", 0, "image/tiff"],
  ["%PDF-", 0, "application/pdf"],
  ["ID3", 0, "audio/mpeg"],
  ["fLaC", 0, "audio/flac"],
  ["#!AMR", 0, "audio/amr"],
  ["\u001aE\u00df\u00a3", 0, "video/webm"],
  ["\u001f\u008b", 0, "application/gzip"],
  ["7z\u00bc\u00af\u0027\u001c", 0, "application/x-7z-compressed"],
  ["Rar!\u001a\u0007", 0, "application/vnd.rar"],
  ["{\\rtf", 0, "application/rtf"],
];

const riffTypes: Record<string, string> = { WEBP: "image/webp", WAVE: "audio/wav", "AVI ": "video/vnd.avi" };

/** The type of an ISO media file (ISO/IEC 14496-12), by its main brand. */
function brandOf(brand: string): string {
  if (/^(?:M4A|M4B|F4A)/.test(brand)) return "audio/mp4";
  if (/^3g/i.test(brand)) return "video/3gpp";
  if (brand === "qt  ") return "video/quicktime";
  if (/^(?:heic|heix|mif1|msf1)$/.test(brand)) return "image/heic";
  if (/^avi[fs]$/.test(brand)) return "image/avif";
  return "video/mp4";
}

const office = "application/vnd.openxmlformats-officedocument";

/** The type of a ZIP archive: a document names its type, or its folders show it. */
function zipOf(text: string): string {
  const named = /^mimetype(application\/[\w.+-]+?)(?:PK|[^\w.+-]|$)/.exec(text.slice(30));
  if (named?.[1]) return named[1];
  if (text.includes("word/")) return `${office}.wordprocessingml.document`;
  if (text.includes("xl/")) return `${office}.spreadsheetml.sheet`;
  if (text.includes("ppt/")) return `${office}.presentationml.presentation`;
  return "application/zip";
}

/** The type of audio without a header: each of its frames begins with twelve set bits (11 in MPEG 2.5). */
function framesOf([first = 0, second = 0, third = 0]: Uint8Array): string {
  if (first !== 0xff || (second & 0xe0) !== 0xe0) return "";
  const layer = (second >> 1) & 3;
  if (layer === 0) return (second & 0xf0) === 0xf0 ? "audio/aac" : "";
  const isReserved = (second & 0x18) === 0x08 || (third & 0xf0) === 0xf0 || (third & 0x0c) === 0x0c;
  return isReserved ? "" : "audio/mpeg";
}
