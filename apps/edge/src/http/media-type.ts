import { AppError } from "@sandi/contracts";

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const parameter = `(${token})=(${token}|"(?:[^"\\\\]|\\\\.)*")`;
const mediaType = new RegExp(`^(${token}/${token})((?:[ \\t]*;(?:[ \\t]*${parameter})?)*)[ \\t]*$`);
const parameters = new RegExp(parameter, "g");

/** Refuses a body that is not JSON in UTF-8, by its `Content-Type` (RFC 9110 §8.3.1). */
export function refuseOtherMediaTypes(contentType: string): void {
  const [, type = "", rest = ""] = mediaType.exec(contentType) ?? [];
  if (type.toLowerCase() !== "application/json") throw new AppError("unsupported-media-type");
  for (const [, name = "", value = ""] of rest.matchAll(parameters)) {
    if (name.toLowerCase() === "charset" && !/^"?utf-?8"?$/i.test(value)) {
      throw new AppError("unsupported-media-type", { detail: "The only charset is UTF-8." });
    }
  }
}
