import { Policy } from "@sandi/contracts";
import { z } from "zod";

/** A policy as it is stored. Its company name may be older than the rules for names. */
export const StoredPolicy = Policy.extend({ companyName: z.string().nullable().default(null) });

/** The policy in full, with every default filled in; `stored` is JSON of what the workspace has chosen. */
export const readPolicy = (stored: string): Policy => StoredPolicy.parse(JSON.parse(stored));
