const days = Array.from({ length: 32 }, (_, day) => `d${day}`).join(", ");

/** The prefixes of a month, the largest last, with the verifications of each day: a search for the largest reads no others. */
export const largestPrefixes = {
  name: "0048_largest_prefixes",
  statements: [
    `CREATE INDEX conversion_month_count ON conversion_month(workspace_id, month, count, prefix, ${days})
      WHERE dimension = 'all'`,
  ],
};
