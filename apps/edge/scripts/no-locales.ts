/** In the Worker's bundle this stands in place of Zod's messages in fifty languages. */
export const locales = {};
