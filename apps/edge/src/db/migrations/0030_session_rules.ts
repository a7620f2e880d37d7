/** Incidents and a change of the account are statements beside the events that cause them. */
export const sessionRules = {
  name: "0030_session_rules",
  statements: [
    `DROP TRIGGER session_incident`,
    `DROP TRIGGER session_limit_incident`,
    `DROP TRIGGER session_proxy_incident`,
    `DROP TRIGGER endpoint_incident`,
    `DROP TRIGGER session_account`,
  ],
};
