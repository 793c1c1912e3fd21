-- Moves the deadline of a hold's seats, later only.
-- KEYS: the seats. ARGV: hold id, milliseconds until the new deadline.
local suffix = ':' .. ARGV[1]
local ms = tonumber(ARGV[2])
for _, key in ipairs(KEYS) do
  local value = redis.call('GET', key)
  if value and value:sub(1, 5) == 'hold:' and value:sub(-#suffix) == suffix and redis.call('PTTL', key) < ms then
    redis.call('PEXPIRE', key, ms)
  end
end
return false
