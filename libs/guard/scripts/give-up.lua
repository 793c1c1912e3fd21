-- Postgres refused a request: gives up its claims, and leaves what Postgres said in their place.
-- KEYS: seat and end mark of the hold that has it, in pairs. ARGV: owner, then per seat the true value ('' when only
-- given up) and the milliseconds it lives.
local claim = 'claim:' .. ARGV[1]
for i = 1, #KEYS, 2 do
  local truth, ms = ARGV[i + 1], tonumber(ARGV[i + 2])
  local value = redis.call('GET', KEYS[i])
  -- Any other value stays: it may be newer than what Postgres saw when it refused.
  local ours = not value or value == claim
  local holds = truth ~= '' and ms > 0 and redis.call('EXISTS', KEYS[i + 1]) == 0
  if ours and holds then
    redis.call('SET', KEYS[i], truth, 'PX', ms)
  elseif value == claim then
    redis.call('DEL', KEYS[i])
  elseif value == truth and holds and redis.call('PTTL', KEYS[i]) < ms then
    redis.call('PEXPIRE', KEYS[i], ms)
  end
end
return false
