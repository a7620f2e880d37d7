export const keysOfMembers = {
  name: "0011_keys_of_members",
  statements: [
    // The ids of the connector's keys. It seals under the first one.
    `ALTER TABLE member ADD COLUMN kids TEXT NOT NULL DEFAULT ''`,
  ],
};
