-- Marks the seats of a booked hold.
-- KEYS: the hold's end mark, then the seats. ARGV: hold id, milliseconds the mark lives.
local suffix = ':' .. ARGV[1]
if redis.call('EXISTS', KEYS[1]) == 1 then return false end
for i = 2, #KEYS do
  local value = redis.call('GET', KEYS[i])
  -- Another's claim stays: Postgres refuses it, and that refusal brings the mark.
  if not value or value:sub(-#suffix) == suffix then
    redis.call('SET', KEYS[i], 'booked' .. suffix, 'PX', ARGV[2])
  end
end
return false
