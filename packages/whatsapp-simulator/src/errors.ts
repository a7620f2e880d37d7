/** All errors of requests to the simulator, with their HTTP statuses. */
export const simulatorErrors = {
  invalid_request: { status: 400, title: "The request is not valid" },
  invalid_number: { status: 400, title: "The number is not a phone number" },
  invalid_qr: { status: 400, title: "This is not a pairing QR" },
  invalid_link: { status: 400, title: "This is not a link to a chat" },
  forbidden_host: { status: 403, title: "Only this machine may ask" },
  not_group_member: { status: 403, title: "The phone is not in this group" },
  not_group_admin: { status: 403, title: "The phone is not an admin of this group" },
  message_not_found: { status: 404, title: "The chat has no such message" },
  phone_not_found: { status: 404, title: "There is no such phone" },
  device_not_found: { status: 404, title: "There is no such linked device" },
  group_not_found: { status: 404, title: "There is no such group" },
  invite_not_valid: { status: 404, title: "The invite code belongs to no group" },
  fault_not_found: { status: 404, title: "There is no such fault" },
  file_not_found: { status: 404, title: "The phones have no such file" },
  not_author: { status: 403, title: "Only who wrote the message may do this" },
  no_secret: { status: 409, title: "The phone has no secret of this message" },
  media_not_uploaded: { status: 409, title: "No media host took the file" },
  not_found: { status: 404, title: "There is nothing here" },
  phone_exists: { status: 409, title: "This phone exists already" },
  phone_offline: { status: 409, title: "The phone is offline" },
  qr_expired: { status: 409, title: "No client waits with this QR" },
  qr_mismatch: { status: 409, title: "The QR does not belong to the client that waits" },
  pairing_code_not_expected: { status: 409, title: "No client asked this phone for a pairing code" },
  wrong_pairing_code: { status: 422, title: "The pairing code is wrong" },
  pairing_failed: { status: 409, title: "The client did not finish pairing" },
  body_too_large: { status: 413, title: "The body is too large" },
  unsupported_media_type: { status: 415, title: "The body must be JSON" },
  internal: { status: 500, title: "The simulator failed" },
} as const;

export type SimulatorErrorCode = keyof typeof simulatorErrors;

/** A refusal with a code of the table above; `field` names the wrong input. */
export class SimulatorError extends Error {
  readonly code: SimulatorErrorCode;
  readonly field: string | undefined;

  constructor(code: SimulatorErrorCode, detail?: string, options?: { field?: string; cause?: unknown }) {
    super(detail ?? simulatorErrors[code].title, options?.cause === undefined ? undefined : { cause: options.cause });
    this.name = "SimulatorError";
    this.code = code;
    this.field = options?.field;
  }
}
