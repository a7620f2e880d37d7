const words = new Set(
  "NX XX GT LT CH INCR GET EX PX EXAT PXAT KEEPTTL PERSIST WITHSCORES LIMIT REV BYSCORE BYLEX MATCH COUNT TYPE".split(
    " ",
  ),
);

/** The index of the first option among the arguments. */
const optionsFrom: Record<string, number> = {
  SET: 2,
  GETEX: 1,
  EXPIRE: 2,
  PEXPIRE: 2,
  EXPIREAT: 2,
  PEXPIREAT: 2,
  ZADD: 1,
  ZRANGE: 3,
  ZREVRANGE: 3,
  ZRANGEBYSCORE: 3,
  ZREVRANGEBYSCORE: 3,
  SCAN: 1,
  SSCAN: 2,
  HSCAN: 2,
  ZSCAN: 2,
  XRANGE: 3,
  XREVRANGE: 3,
};

/** Writes option words in upper case: ioredis-mock ignores `nx` and `px`, which breaks every lease. */
export function upperCaseOptions(name: string, args: string[]): string[] {
  const from = optionsFrom[name];
  if (from === undefined) return args;
  let isValue = false;
  return args.map((arg, index) => {
    const upper = arg.toUpperCase();
    if (index < from || isValue || !words.has(upper)) {
      // Scores and members follow ZADD's options, and a member can have the name "nx".
      if (name === "ZADD" && index >= from) isValue = true;
      else isValue = false;
      return arg;
    }
    isValue = upper === "MATCH" || upper === "TYPE";
    return upper;
  });
}
