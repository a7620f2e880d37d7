/**
 * Consumes all counters, or none. A counter is the end of its window in ms (13 digits), then the used amount. KEYS: the
 * counters. ARGV: now in ms, then for each its quota, the end of a window that begins now, and its cost. Returns a list: 1
 * if it consumed them, else 0, then for each counter the used amount and the remaining milliseconds of its window. These
 * are at most one window, because clocks differ and windows can shrink. A value that is no counter counts as none.
 */
export const consumeScript = `local keys, args, number, sub = KEYS, ARGV, tonumber, string.sub
local now = number(args[1])
local stored = redis.call("MGET", unpack(keys))
local answer, ends = {1}, {}
for i = 1, #keys do
  local used, till, text = 0, args[3*i], stored[i]
  local left = number(till) - now
  if text then
    local last = sub(text, 1, 13)
    local rest = (number(last) or 0) - now
    if rest > 0 then
      used = number(sub(text, 14))
      if rest < left then till, left = last, rest end
    end
  end
  if used + args[3*i+1] > number(args[3*i-1]) then answer[1] = 0 end
  answer[2*i], answer[2*i+1], ends[i] = used, left, till
end
if answer[1] == 1 then
  for i = 1, #keys do
    local used = answer[2*i] + args[3*i+1]
    answer[2*i] = used
    redis.call("SET", keys[i], ends[i] .. used, "PX", answer[2*i+1])
  end
end
return answer`;

/** SHA-1 of the script for `EVALSHA`. It is a constant, because a Worker cannot compute it at its start. */
export const consumeScriptSha = "9b2f2f1545eead65fef542457d6d2d4ad90c7224";
