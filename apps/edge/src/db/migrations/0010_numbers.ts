/**
 * Gives sessions' own numbers their canonical spelling. Otherwise a connector's next report would look like another
 * account. Hashed numbers cannot be changed here. Those kept longer than a day are looked up under both spellings.
 */
export const numbers = {
  name: "0010_numbers",
  statements: [
    `UPDATE session SET phone = '+52' || substr(phone, 5) WHERE phone GLOB '+521[2-9]*' AND length(phone) = 14`,
    `UPDATE session SET phone = '+549' || substr(phone, 4)
      WHERE (phone GLOB '+5411*' OR phone GLOB '+54[23]*') AND length(phone) = 13`,
    `UPDATE session SET phone = substr(phone, 1, 5) || '9' || substr(phone, 6)
      WHERE phone GLOB '+55[1-9][0-9][6-9]*' AND length(phone) = 13`,
    `UPDATE session SET phone = '+22901' || substr(phone, 5) WHERE phone GLOB '+229[4569]*' AND length(phone) = 12`,
    `UPDATE session SET phone = '+22507' || substr(phone, 5)
      WHERE phone GLOB '+225[04578][7-9]*' AND length(phone) = 12`,
    `UPDATE session SET phone = '+22505' || substr(phone, 5)
      WHERE phone GLOB '+225[04578][4-6]*' AND length(phone) = 12`,
    `UPDATE session SET phone = '+22501' || substr(phone, 5)
      WHERE (phone GLOB '+2250[1-3]*' OR phone GLOB '+2254[0-3]*' OR phone GLOB '+2255[1-3]*' OR phone GLOB '+22571*')
      AND length(phone) = 12`,
  ],
};
