/** Lists of the sandbox's verifications and of keys read only the rows of their page. */
export const listIndexes = {
  name: "0024_list_indexes",
  statements: [
    `CREATE INDEX verification_test ON verification(workspace_id, id) WHERE test = 1`,
    `DROP INDEX api_key_workspace`,
    `CREATE INDEX api_key_workspace ON api_key(workspace_id, id)`,
  ],
};
