import type { RulesetDefinition } from "@stoplight/spectral-core";
import owaspModule from "@stoplight/spectral-owasp-ruleset";
import { oas } from "@stoplight/spectral-rulesets";

// Vitest hands out the default export of a CommonJS module as bundlers do, which its types do not know.
const owasp = owaspModule as unknown as typeof owaspModule.default & RulesetDefinition;
const validated = "owasp:api8:2023-define-error-validation";

/** Everything that Spectral and OWASP ask of a description; each deviation stands here with its reason. */
export const ruleset = {
  extends: [
    [oas as RulesetDefinition, "all"],
    [owasp, "all"],
  ],
  rules: {
    // The operator decides where customers get help. The code knows the address of the API only.
    "contact-properties": "off",
    // The tags are chapters: first what a newcomer wants.
    "openapi-tags-alphabetical": "off",
    // There is no CORS: a key does not belong in a browser, and other origins are kept out on purpose.
    "owasp:api8:2023-define-cors-origin": "off",
    // Free text has no pattern. Its length is limited like all the others', and what has a form states it.
    "owasp:api4:2023-string-restricted": "off",
    // Only where there is something to validate: an id of the wrong form is the id of nothing, hence a 404.
    [validated]: {
      ...owasp.rules[validated],
      severity: "error",
      given: ["$.paths[*][?(@ && @.requestBody)].responses", "$.paths[*][*].parameters[?(@.in=='query')]^^.responses"],
    },
  },
  overrides: [
    {
      // Everybody who verifies a proof reads these keys, without an API key. Caches answer.
      files: ["**#/paths/~1.well-known~1jwks.json"],
      rules: {
        "owasp:api2:2023-read-restricted": "off",
        "owasp:api4:2023-rate-limit": "off",
        "owasp:api4:2023-rate-limit-responses-429": "off",
        "owasp:api8:2023-define-error-responses-401": "off",
      },
    },
  ],
} satisfies RulesetDefinition;
