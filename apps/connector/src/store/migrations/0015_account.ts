export const account = {
  name: "0015_account",
  statements: [
    // The account that is linked or was linked last, sealed like the number.
    `ALTER TABLE session ADD COLUMN account TEXT`,
    `UPDATE session SET account = phone`,
  ],
};
