import { Policy } from "@sandi/contracts";
import { z } from "zod";

/** The schema of a stored policy. Its company name may be older than the rules for names. */
export const StoredPolicy = Policy.extend({ companyName: z.string().nullable().default(null) });

/** The policy with all defaults; `stored` is the JSON of the fields that the workspace has set. */
export const readPolicy = (stored: string): Policy => StoredPolicy.parse(JSON.parse(stored));
