/** In the Worker's bundle this stands in place of Zod's compiler and its reader of JSON Schemas, which Sandi does not use. */
const none = undefined;
export { none as compile, none as compileFn, none as withParser, none as fromJSONSchema };
export { none as INVALID, none as ZodCompileAsyncError, none as ZodCompileUnsupportedError };
