import { sql } from "kysely";

/** What every end of a verification forgets, in the SET of its UPDATE. */
export const withoutSecrets = sql`code_mac = NULL, sealed_code = NULL, token_mac = NULL`;
